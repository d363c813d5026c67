import { combinedLine, logTime } from '../../simulator/combined.js';
import { type Random, zipf } from '../../simulator/random.js';

/** Few enough that every top and every count of distinct hosts is exact. */
const HOSTS = 180;
const hosts = zipf(HOSTS, 0.7);
const USERS = ['ada', 'grace', 'linus', 'edsger'];
const METHODS = ['GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const PATHS = ['/', '/api/user', '/api/user/7', '/api/report', '/report', '/static/site.css', '/static/a/b.js', '*'];
const FINE = [200, 200, 200, 201, 204, 301, 304];
const BROKEN = [400, 404, 404, 500, 503];
const REFERRERS = [null, null, 'https://example.org/', 'https://search.example/?q="x"'];
const USER_AGENTS = [null, 'curl/8.0', 'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/120.0', 'Ünïcode/1 ☃'];
/** Before 1990, the oldest event time that the server takes. */
const TOO_OLD_MS = Date.UTC(1985, 5, 1);

const one = <T>(random: Random, of: readonly T[]): T => of[random.below(of.length)];

/**
 * A line of one request at this time; its number, in the query, is the line's own in the whole run. A few lines are
 * none, blank, or older than the server takes.
 *
 * @param errorShare of the requests, 0 to 1.
 */
export function makeLine(random: Random, number: number, timeMs: number, errorShare: number): string {
  const strange = random.next();
  if (strange < 0.002) return '\n';
  if (strange < 0.005) return `this is no line of a log n=${number}\n`;
  const request = {
    host: `10.0.0.${hosts.pick(random)}`,
    user: random.chance(0.3) ? one(random, USERS) : null,
    requestLine: `${one(random, METHODS)} ${one(random, PATHS)}?n=${number} HTTP/1.1`,
    status: one(random, random.chance(errorShare) ? BROKEN : FINE),
    bytes: random.chance(0.1) ? 0 : Math.floor(200 * Math.exp(2 * Math.abs(random.normal()))),
    referrer: escaped(one(random, REFERRERS)),
    userAgent: one(random, USER_AGENTS),
  };
  return `${combinedLine({ offsetMs: 0, ...request }, logTime(strange < 0.007 ? TOO_OLD_MS : timeMs))}\n`;
}

const escaped = (text: string | null): string | null => text?.replaceAll('"', '\\"') ?? null;
