import { render } from 'ink';
import { App } from './app.js';
import type { Feeds } from './feeds/feeds.js';
import { Painter } from './painter.js';
import { pushAlerts } from './push.js';
import { themeOf } from './theme.js';

export interface ScreenOptions {
  feeds: Feeds;
  tenant: string;
  agent: string | undefined;
  stdin: NodeJS.ReadStream;
  stdout: NodeJS.WriteStream;
  env: NodeJS.ProcessEnv;
  now: () => number;
  /** Ends the client. */
  signal: AbortSignal;
}

/** Shows the client until it is quit, and gives the terminal back. */
export async function showScreen(options: ScreenOptions): Promise<void> {
  const { feeds, tenant, agent, stdin, stdout, env, now, signal } = options;
  const painter = new Painter(stdout);
  painter.enter();
  try {
    const app = render(
      <App feeds={feeds} tenant={tenant} theme={themeOf(env)} agentName={agent} now={now} repaint={painter.repaint} />,
      { stdin, stdout: painter as unknown as NodeJS.WriteStream, debug: true, exitOnCtrlC: false, patchConsole: false },
    );
    const stopPushing = env.HLM_NO_PUSH ? undefined : pushAlerts(feeds.alerts, painter.push, now);
    const end = () => app.unmount();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    await app.waitUntilExit();
    signal.removeEventListener('abort', end);
    stopPushing?.();
  } finally {
    painter.leave();
  }
}
