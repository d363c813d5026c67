import { parentPort, workerData } from 'node:worker_threads';
import { pino } from 'pino';
import { UserError } from '../schema/user-error.js';
import { startServer } from '../server/main.js';
import type { ServerSettings, ToldByServer } from './server.js';

/** The thread of a server, begun by `hlm server`: it says where it listens, and ends once it is told anything. */
const { logLevel, ...settings } = workerData as ServerSettings;
const log = pino({ level: logLevel }, pino.destination({ dest: 2, sync: true }));
const tell = (told: ToldByServer): void => parentPort!.postMessage(told);

process.on('uncaughtException', (error) => {
  log.fatal({ err: error }, 'the server ends');
  process.exit(1);
});

try {
  const server = await startServer({ ...settings, log });
  parentPort!.once('message', () => void server.close().then(() => process.exit(0)));
  tell({ listeningOn: server.url });
} catch (error) {
  if (!(error instanceof UserError)) throw error;
  tell({ mistake: error.message, exitCode: error.exitCode });
  parentPort!.close();
}
