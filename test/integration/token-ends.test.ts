// Goal: a token's end is the end of its sockets, and of nobody else's.
// Method: a real server; tokens are revoked past it, as another server would, expire, or cannot be looked at for a while.
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import WebSocket from 'ws';
import { Tokens } from '../../server/auth/tokens.js';
import {
  heardOf,
  newToken,
  revoke,
  server,
  serveSockets,
  signedIn,
  subscribe,
  tokens,
} from '../support/bare-sockets.js';
import { until } from '../support/server.js';

serveSockets();

test('revoked by another server: its sockets are closed within ten seconds, and those of others are not', async () => {
  const [doomed, other] = [await newToken(), await newToken()];
  const sockets = await Promise.all([doomed, doomed, other].map(({ secret }) => signedIn(secret)));
  for (const opened of sockets) subscribe(opened, '1');
  await until(() => sockets.every((opened) => heardOf(opened, '1')?.type === 'next'));
  await revoke(doomed.id);
  const late = sleep(10_000, 'late', { ref: false });
  expect(await Promise.race([Promise.all(sockets.slice(0, 2).map(({ ended }) => ended)), late])).toEqual([4401, 4401]);
  expect(sockets[2].socket.readyState).toBe(WebSocket.OPEN);
  sockets[2].socket.close();
  await until(async () => (await server.gql('{ viewer { role } }', {}, doomed.secret)).errors !== undefined);
});

test('expired: its sockets are closed within ten seconds', async () => {
  const { secret } = await newToken({ expiresIn: '1 second' });
  const opened = await signedIn(secret);
  expect(await Promise.race([opened.ended, sleep(11_000, 'late', { ref: false })])).toBe(4401);
});

test('forgotten: at once, over HTTP too', async () => {
  const { secret, id } = await newToken();
  const opened = await signedIn(secret);
  expect((await server.gql('{ viewer { role } }', {}, secret)).data.viewer.role).toBe('VIEWER');
  await revoke(id);
  tokens.forget(id);
  expect((await server.gql('{ viewer { role } }', {}, secret)).errors![0].extensions.code).toBe('UNAUTHENTICATED');
  expect(await opened.ended).toBe(4401);
});

test('while the database does not say, they go on', async () => {
  const { secret } = await newToken();
  const { stillValid } = Tokens.prototype;
  let asked = 0;
  Tokens.prototype.stillValid = () => {
    asked++;
    return Promise.reject(new Error('away'));
  };
  const opened = await signedIn(secret);
  await until(() => asked >= 1, 10_000, 'a look at the tokens');
  Object.assign(Tokens.prototype, { stillValid });
  expect(opened.socket.readyState).toBe(WebSocket.OPEN);
  opened.socket.close();
});
