import type { Entry } from '../../schema/log-batch.js';

/** An entry of which a test names what it is about. */
export function entry(about: Partial<Entry> & { timeMs: number }): Entry {
  return {
    host: '10.0.0.1',
    user: null,
    method: 'GET',
    target: '/api/user',
    protocol: 'HTTP/1.1',
    status: 200,
    bytes: 100,
    durationMs: null,
    referrer: null,
    userAgent: null,
    ...about,
  };
}
