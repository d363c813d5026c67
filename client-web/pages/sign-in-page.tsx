import { type FormEvent, useId } from 'react';

export interface SignInPageProps {
  /** Why one is here, where it was not one's wish. */
  problem: string | null;
  onToken: (token: string, where: 'tab' | 'device') => void;
}

/** Without a token: a field for it. */
export function SignInPage({ problem, onToken }: SignInPageProps) {
  const id = useId();
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    onToken(String(form.get('token')), form.has('keep') ? 'device' : 'tab');
  };
  return (
    <main className="sign-in">
      <form className="panel" onSubmit={submit}>
        <h1>HTTP Logs Monitor</h1>
        {problem !== null && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <label htmlFor={id}>Token</label>
        <input id={id} name="token" type="password" autoComplete="off" required aria-describedby={`${id}-help`} />
        <label className="check">
          <input name="keep" type="checkbox" /> Keep me signed in on this device
        </label>
        <button type="submit" className="primary">
          Sign in
        </button>
        <p className="help" id={`${id}-help`}>
          <code>npm start</code> prints an address that signs in by itself. Administrators make tokens with{' '}
          <code>npx hlm token create NAME --role viewer</code>.
        </p>
      </form>
    </main>
  );
}
