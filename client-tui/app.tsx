import { Box, useApp } from 'ink';
import { type ReactNode, useEffect, useMemo } from 'react';
import { visibleAgents } from '../client/feeds/fleet-feed.js';
import { safeText } from '../client/format/safe-text.js';
import { useNow } from '../client/hooks/use-now.js';
import { useStore } from '../client/hooks/use-store.js';
import { firing, newestFirst } from '../client/model/alerts.js';
import { rulesOf } from '../client/model/rules.js';
import type { Feeds } from './feeds/feeds.js';
import type { ServerFeed } from './feeds/server-feed.js';
import { cut } from './format/width.js';
import { useKeys } from './hooks/use-keys.js';
import { type ChangeScreen, useScreen } from './hooks/use-screen.js';
import { useServerFeed } from './hooks/use-server-feed.js';
import { useTailFeed } from './hooks/use-tail-feed.js';
import { useTerminalSize } from './hooks/use-terminal-size.js';
import { useThreshold } from './hooks/use-threshold.js';
import { actionOf } from './keys.js';
import {
  chosenIndex,
  onServer,
  onServers,
  onTail,
  openServer,
  type Screen,
  scopeOf,
  typed,
  typedForTail,
} from './model/screen.js';
import { HelpPage } from './pages/help-page.js';
import { bodyRows, COLUMNS_LEAST, frameFor, ROWS_LEAST } from './pages/layout.js';
import { ServerPage } from './pages/server-page.js';
import { ServersPage } from './pages/servers-page.js';
import { TailPage } from './pages/tail-page.js';
import { TooSmall } from './pages/too-small.js';
import { type Theme, ThemeContext } from './theme.js';
import { Footer } from './widgets/footer.js';
import { Header, type Tab } from './widgets/header.js';

export interface AppProps {
  feeds: Feeds;
  tenant: string;
  theme: Theme;
  /** The server whose page is opened at once. */
  agentName?: string | undefined;
  /** Wall clock, ms. */
  now: () => number;
  /** Draws the whole screen anew, for one that something else wrote to. */
  repaint?: () => void;
}

/** The client: what is known, what is looked at, and what keys do. */
export function App(props: AppProps) {
  const { feeds, theme, agentName } = props;
  const fleet = useStore(feeds.fleet.state);
  const { screen, latest, change } = useScreen(agentName);
  const agents = useMemo(() => visibleAgents(fleet.agents, screen.search), [fleet.agents, screen.search]);
  const agent = screen.page.kind === 'server' ? fleet.agents.get(screen.page.agentId) : undefined;
  const server = useServerFeed(feeds, agent, screen.spanIndex, screen.tables);
  const tail = useTailFeed(feeds, agent, screen.tailing);
  const ids = agents.map(({ id }) => id);
  usePagesThatCome(feeds, change);
  useActions({ ...props, latest, change, ids, feed: server.feed });
  return (
    <ThemeContext.Provider value={theme}>
      <Frame {...props} screen={screen} ids={ids}>
        {(size, nowMs) =>
          server.state && screen.tailing ? (
            <TailPage agent={server.state.agent} tailing={screen.tailing} tail={tail} size={size} />
          ) : server.state ? (
            <ServerPage
              screen={screen}
              server={server.state}
              alerts={feeds.alerts.state.get()}
              size={size}
              nowMs={nowMs}
            />
          ) : (
            <ServersPage
              screen={screen}
              fleet={fleet}
              agents={screen.page.kind === 'waiting' ? [] : agents}
              chosen={chosenIndex(screen, ids)}
              alerts={feeds.alerts.state.get()}
              size={size}
              nowMs={nowMs}
            />
          )
        }
      </Frame>
    </ThemeContext.Provider>
  );
}

/** Opens the named server once it is there, and leaves one that is gone. */
function usePagesThatCome(feeds: Feeds, change: ChangeScreen): void {
  const fleet = useStore(feeds.fleet.state);
  useEffect(() => {
    change((held) => {
      const { page } = held;
      if (page.kind === 'waiting') {
        const found = [...fleet.agents.values()].find(({ name }) => name === page.name);
        return openServer(held, found?.id);
      }
      const gone = page.kind === 'server' && fleet.loaded && !fleet.agents.has(page.agentId);
      return gone ? { ...held, page: { kind: 'servers' }, editing: null, tailing: null } : held;
    });
  }, [fleet, change]);
}

interface ActionsContext extends AppProps {
  latest: () => Screen;
  change: ChangeScreen;
  ids: readonly string[];
  feed: ServerFeed | null;
}

/** What each key does, by what is looked at. */
function useActions({ feeds, repaint, latest, change, ids, feed }: ActionsContext): void {
  const { exit } = useApp();
  const threshold = useThreshold(feeds, change);
  const search = (text: string) => {
    change((held) => ({ ...held, search: text, chosenId: null }));
    feeds.fleet.search(text);
  };
  useKeys((name) => {
    const screen = latest();
    const scope = scopeOf(screen);
    const action = actionOf(scope, name);
    const alerts = feeds.alerts.state.get();
    const agentId = screen.page.kind === 'server' ? screen.page.agentId : '';
    if (action === 'quit') exit();
    else if (scope === 'help') change((held) => ({ ...held, help: action !== 'back' && held.help }));
    else if (action === 'help') change((held) => ({ ...held, help: true }));
    else if (action === 'refresh') {
      repaint?.();
      feeds.refresh();
      void feed?.refresh();
    } else if (scope === 'threshold') threshold.press(screen.editing!, action, name, rulesOf(alerts.rules, agentId));
    else if (scope === 'search' && screen.tailing) change((held) => typedForTail(held, action, name));
    else if (scope === 'search') {
      if (action === 'accept') change((held) => ({ ...held, searching: false }));
      else if (action === 'cancel') {
        search('');
        change((held) => ({ ...held, searching: false }));
      } else if (action) change((held) => onServers(held, action, name, ids));
      else search(typed(screen.search, name));
    } else if (action && scope === 'tail') change((held) => onTail(held, action, name, ids));
    else if (action === 'threshold') threshold.begin(rulesOf(alerts.rules, agentId));
    else if (action && scope === 'server') {
      const history = newestFirst(alerts.book, agentId).length - firing(alerts.book, agentId).length;
      change((held) => onServer(held, action, name, ids, history));
    } else if (action) change((held) => onServers(held, action, name, ids));
  });
}

/** A long name leaves room for the others. */
const TAB_COLUMNS = 16;

interface FrameProps extends AppProps {
  screen: Screen;
  ids: readonly string[];
  children: (size: { columns: number; rows: number }, nowMs: number) => ReactNode;
}

/** Header, page or help, footer. */
function Frame({ feeds, tenant, now, screen, ids, children }: FrameProps) {
  const size = useTerminalSize();
  const nowMs = useNow(now);
  const link = useStore(feeds.link);
  const notice = useStore(feeds.notice);
  const alerts = useStore(feeds.alerts.state);
  const { agents } = useStore(feeds.fleet.state);
  if (size.columns < COLUMNS_LEAST || size.rows < ROWS_LEAST) return <TooSmall size={size} />;
  const burning = new Set(firing(alerts.book).map((event) => event.agent?.id));
  const open = screen.page.kind === 'server' ? screen.page.agentId : null;
  const tabs: Tab[] = ids.map((id, index) => ({
    id,
    label: `${index < 9 ? `${index + 1} ` : ''}${cut(safeText(agents.get(id)?.name ?? ''), TAB_COLUMNS)}`,
    chosen: id === open,
    firing: burning.has(id),
  }));
  const list: Tab = { id: '', label: 'Servers', chosen: open === null, firing: false };
  const scope = scopeOf(screen);
  return (
    <Box flexDirection="column" width={size.columns} height={size.rows} overflowY="hidden">
      <Header link={link} tenant={safeText(tenant)} tabs={[list, ...tabs]} width={size.columns} nowMs={nowMs} />
      <Box flexDirection="column" height={bodyRows(size.rows)} overflowY="hidden">
        {screen.help ? (
          <HelpPage
            from={open === null ? 'servers' : 'server'}
            frame={frameFor(size.rows)}
            width={size.columns}
            height={bodyRows(size.rows)}
          />
        ) : (
          children(size, nowMs)
        )}
      </Box>
      <Footer scope={scope} notice={notice && notice.untilMs > nowMs ? notice : null} width={size.columns} />
    </Box>
  );
}
