import { GraphiQL } from 'graphiql';
import { type FormEvent, useEffect, useMemo, useState } from 'react';
import { keepToken, readToken } from '../client/token.js';
import { askStanding, openApi, type Standing } from './api.js';
import { EXAMPLES, variablesText } from './examples.js';
import { EXAMPLES_PLUGIN } from './examples-panel.js';

const PLUGINS = [EXAMPLES_PLUGIN];
/** What a first visitor finds open; later ones find their own tabs. */
const TABS = EXAMPLES.map((example) => ({
  query: example.query,
  variables: variablesText(example, Date.now()) || null,
}));

/** The page: a bar for the token, and below it GraphiQL, opened anew with each token. */
export function Page() {
  const [token, setToken] = useState(() => readToken(window));
  useEffect(() => {
    const onLink = () => setToken(readToken(window));
    addEventListener('hashchange', onLink);
    return () => removeEventListener('hashchange', onLink);
  }, []);
  const api = useMemo(() => openApi(token), [token]);
  useEffect(() => api.close, [api]);
  return (
    <>
      <TokenBar
        key={token}
        token={token}
        onToken={(given) => {
          keepToken(window, given);
          setToken(readToken(window));
        }}
      />
      <main>
        <GraphiQL
          key={token}
          fetcher={api.fetcher}
          plugins={PLUGINS}
          defaultTabs={TABS}
          defaultQuery="# A query of your own: Ctrl-Space completes, Ctrl-Enter sends.\n"
          // The token has its own field, and goes with every request.
          isHeadersEditorEnabled={false}
          showPersistHeadersSettings={false}
        >
          <GraphiQL.Logo>
            <span />
          </GraphiQL.Logo>
        </GraphiQL>
      </main>
    </>
  );
}

function TokenBar({ token, onToken }: { token: string; onToken: (token: string) => void }) {
  const [standing, setStanding] = useState<Standing | null>(null);
  useEffect(() => {
    let current = true;
    void askStanding(token).then((found) => current && setStanding(found));
    return () => {
      current = false;
    };
  }, [token]);
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    onToken(String(new FormData(event.currentTarget).get('token')));
  };
  return (
    <form className="token-bar" onSubmit={submit}>
      <strong>HTTP Logs Monitor</strong>
      <label htmlFor="token">Token</label>
      <input
        id="token"
        name="token"
        type="password"
        autoComplete="off"
        required
        // Never filled in: what a page holds, its attributes and screenshots show.
        placeholder={token === '' ? '' : 'kept until this tab is closed'}
      />
      <button type="submit">Use</button>
      {token !== '' && (
        <button type="button" onClick={() => onToken('')}>
          Forget
        </button>
      )}
      <output className={standing?.accepted ? 'accepted' : 'open'} aria-live="polite">
        {standing?.words ?? '…'}
      </output>
    </form>
  );
}
