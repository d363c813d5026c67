import { mix, Random, Weighted, zipf } from './random.js';
import { burstAt, requestsAt } from './rate.js';
import * as vocabulary from './vocabulary.js';

/** One simulated request; null where its log line has `-`. */
export interface SimulatedRequest {
  /** Milliseconds into its second, ascending within it. */
  offsetMs: number;
  host: string;
  user: string | null;
  /** As it stands between the quotes: method, target and protocol, or what came instead. */
  requestLine: string;
  status: number;
  bytes: number;
  referrer: string | null;
  userAgent: string | null;
}

/** A request and when it comes. */
export interface TimedRequest {
  timeMs: number;
  request: SimulatedRequest;
}

export interface TrafficSpec {
  /** The same seed, the same requests. */
  seed: number;
  /** 1: about 5 requests a second with bursts of 45; 10: ten times that. */
  rateScale?: number;
}

/** Distinct visitors: past the few hundred up to which a window's distinct hosts are counted exactly. */
const HOSTS = 3_000;
/** Share of requests of scanners. */
const PROBE_SHARE = 0.012;
const BROKEN_SHARE = 0.001;
/** Share of an ordinary page's visitors who are known by name. */
const SIGNED_IN_SHARE = 0.06;
/** Share of not modified answers among the files that browsers keep. */
const NOT_MODIFIED_SHARE = 0.22;
const MISSING_SHARE = 0.004;
const FAILED_SHARE = 0.004;
/** The server is overloaded towards a burst's end: this share of the API's answers fails. */
const OVERLOAD_FAILED_SHARE = 0.12;
const OVERLOAD_FROM = 0.5;

const REQUEST_LABEL = 3;
const HOST_LABEL = 4;

const pages = new Weighted(vocabulary.PAGES.map(({ weight }) => weight));
const hosts = zipf(HOSTS, 0.9);
const users = zipf(vocabulary.USERS.length);
const referrers = new Weighted(vocabulary.REFERRERS.map(([weight]) => weight));
const userAgents = new Weighted(vocabulary.USER_AGENTS.map(([weight]) => weight));
const kinds = new Map(vocabulary.PAGES.map(({ kinds = 1 }) => [kinds, zipf(kinds)]));

/** The address of a visitor: of the networks kept for benchmarks (RFC 2544) and examples (RFC 3849), nobody's. */
function addressOf(host: number, seed: number): string {
  const bits = mix(seed, HOST_LABEL, host);
  if (host % 9 === 8) return `2001:db8:${(bits >>> 16).toString(16)}:${(bits & 0xffff).toString(16)}::1`;
  return `198.${18 + (bits & 1)}.${(bits >>> 8) & 0xff}.${(bits >>> 16) & 0xff}`;
}

function targetOf({ target, kinds: count }: vocabulary.Page, random: Random): string {
  if (count === undefined) return target;
  const at = (kinds.get(count) as Weighted).pick(random);
  return target.replace('{n}', String(at + 1)).replace('{w}', vocabulary.WORDS[at % vocabulary.WORDS.length]);
}

/** Sizes of answers vary with their content: log-normal around the page's own. */
function bytesAround(usual: number, random: Random): number {
  return usual === 0 ? 0 : Math.max(20, Math.round(usual * Math.exp(0.35 * random.normal())));
}

interface Answer {
  status: number;
  bytes: number;
}

function answerOf(page: vocabulary.Page, isOverloaded: boolean, random: Random): Answer {
  const isApi = page.target.startsWith('/api/');
  const chance = random.next();
  let upTo = isApi && isOverloaded ? OVERLOAD_FAILED_SHARE : FAILED_SHARE;
  if (chance < upTo) return { status: random.chance(0.6) ? 500 : 503, bytes: bytesAround(240, random) };
  if (chance < (upTo += page.missing ?? MISSING_SHARE)) return { status: 404, bytes: bytesAround(310, random) };
  if (page.signedIn && chance < (upTo += 0.02)) return { status: 401, bytes: 90 };
  if (isApi && page.method === 'POST' && chance < upTo + 0.03) return { status: 422, bytes: bytesAround(180, random) };
  if (page.target.startsWith('/static/') && random.chance(NOT_MODIFIED_SHARE)) return { status: 304, bytes: 0 };
  return { status: page.status ?? 200, bytes: bytesAround(page.bytes, random) };
}

function probe(random: Random): Pick<SimulatedRequest, 'requestLine' | 'status' | 'bytes' | 'userAgent'> {
  if (random.chance(BROKEN_SHARE / (PROBE_SHARE + BROKEN_SHARE))) {
    const requestLine = vocabulary.BROKEN_REQUESTS[random.below(vocabulary.BROKEN_REQUESTS.length)];
    return { requestLine, status: requestLine === '-' ? 408 : 400, bytes: 0, userAgent: null };
  }
  const target = vocabulary.PROBES[random.below(vocabulary.PROBES.length)];
  const userAgent = vocabulary.PROBE_AGENTS[random.below(vocabulary.PROBE_AGENTS.length)];
  return { requestLine: `GET ${target} HTTP/1.1`, status: random.chance(0.85) ? 404 : 403, bytes: 153, userAgent };
}

function request(offsetMs: number, isOverloaded: boolean, seed: number, random: Random): SimulatedRequest {
  const host = addressOf(hosts.pick(random), seed);
  if (random.chance(PROBE_SHARE + BROKEN_SHARE)) {
    return { offsetMs, host, user: null, referrer: null, ...probe(random) };
  }
  const page = vocabulary.PAGES[pages.pick(random)];
  const answer = answerOf(page, isOverloaded, random);
  const isKnown = page.signedIn ? answer.status !== 401 : random.chance(SIGNED_IN_SHARE);
  return {
    offsetMs,
    host,
    user: isKnown ? vocabulary.USERS[users.pick(random)] : null,
    requestLine: `${page.method ?? 'GET'} ${targetOf(page, random)} ${random.chance(0.4) ? 'HTTP/2.0' : 'HTTP/1.1'}`,
    ...answer,
    referrer: vocabulary.REFERRERS[referrers.pick(random)][1],
    userAgent: vocabulary.USER_AGENTS[userAgents.pick(random)][1],
  };
}

/**
 * All requests of second `second` after the start, in order.
 *
 * Pure: each second is made from the seed and its own number alone, so that any part of a run can be made anew.
 */
export function trafficAt(second: number, { seed, rateScale = 1 }: TrafficSpec): SimulatedRequest[] {
  const random = new Random(mix(seed, REQUEST_LABEL, second));
  const count = requestsAt(second, seed, rateScale);
  const isOverloaded = burstAt(second, seed).progress > OVERLOAD_FROM;
  const offsetsMs = Array.from({ length: count }, () => random.below(1_000)).sort((a, b) => a - b);
  return offsetsMs.map((offsetMs) => request(offsetMs, isOverloaded, seed, random));
}

/** The requests of a run that begins at `startMs`, in order, without end. */
export function* requestsFrom(startMs: number, spec: TrafficSpec): Generator<TimedRequest, never> {
  for (let second = 0; ; second++) {
    const secondMs = startMs + second * 1_000;
    for (const request of trafficAt(second, spec)) yield { timeMs: secondMs + request.offsetMs, request };
  }
}

/** The first `count` of a sequence. */
export function* first<T>(count: number, of: Iterator<T, never>): Generator<T> {
  for (let i = 0; i < count; i++) yield of.next().value;
}
