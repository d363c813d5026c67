import { ENTRY_BYTES_MAX, TARGET_LENGTH_MAX, TEXT_LENGTH_MAX } from '../../schema/log-batch.js';
import type { LogBatchBuilder } from '../../schema/log-batch-builder.js';
import { HASH_SEED, hashNext } from '../../schema/text-dictionary.js';
import { CLF_TIME_LENGTH, clfTimeMs } from './clf-time.js';

const CARRIAGE_RETURN = 13;
const BLANK = 32;
const QUOTE = 34;
const DASH = 45;
const SLASH = 47;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const UNDERSCORE = 95;
const TILDE = 126;
const CASE = 32;
/** `HTTP/`. */
const HTTP = [72, 84, 84, 80, SLASH];
/** Of the time `17/May/2015:10:05:03 +0000`: where its seconds stand. */
const SECONDS_AT = 18;
/** Digits that are a whole number in a double, whatever they are. */
const DIGITS_MAX = 15;

/** A field of the line at hand: its bytes are [from, to), `hash` is that of its characters. */
class Field {
  from = 0;
  to = 0;
  hash = 0;

  get length(): number {
    return this.to - this.from;
  }

  /** Nothing, or the dash that stands for it. */
  isNone(bytes: Buffer): boolean {
    return this.length === 0 || (this.length === 1 && bytes[this.from] === DASH);
  }
}

/**
 * Reads plain lines of the Common and Combined Log Format straight from their bytes into a batch: those of ASCII that can
 * be seen, without escapes, which nearly all lines are. No text is made of a field that the batch has already.
 *
 * What it reads it reads as `parseCombined` does; all else is left to that.
 */
export class PlainClfReader {
  private readonly host = new Field();
  private readonly user = new Field();
  private readonly method = new Field();
  private readonly target = new Field();
  private readonly protocol = new Field();
  private readonly referrer = new Field();
  private readonly userAgent = new Field();
  /** What stood before and after the seconds of the last time, and what it comes to. */
  private readonly lastTime = Buffer.alloc(CLF_TIME_LENGTH);
  private lastMinuteMs = Number.NaN;

  private timeMs = 0;
  private status = 0;
  private size = 0;

  /**
   * Adds the line `bytes[from, to)`, without its line feed, to a batch; carriage returns at its end are none of it.
   *
   * @returns whether it is a plain line; the batch is as it was where it is not.
   */
  read(bytes: Buffer, from: number, to: number, batch: LogBatchBuilder): boolean {
    let end = to;
    while (end > from && bytes[end - 1] === CARRIAGE_RETURN) end--;
    if (!this.scan(bytes, from, end)) return false;
    const { host, user, method, target, protocol, referrer, userAgent } = this;
    const { columns } = batch;
    batch.addRow(this.timeMs, this.status, this.size, null);
    columns.host.setLastBytes(bytes, host.from, host.to, host.hash);
    if (!user.isNone(bytes)) columns.user.setLastBytes(bytes, user.from, user.to, user.hash);
    columns.method.setLastBytes(bytes, method.from, method.to, method.hash);
    columns.target.setLastBytes(bytes, target.from, target.to, target.hash);
    columns.protocol.setLastBytes(bytes, protocol.from, protocol.to, protocol.hash);
    if (!referrer.isNone(bytes)) columns.referrer.setLastBytes(bytes, referrer.from, referrer.to, referrer.hash);
    if (!userAgent.isNone(bytes)) columns.userAgent.setLastBytes(bytes, userAgent.from, userAgent.to, userAgent.hash);
    return true;
  }

  /** Finds the fields; false where the line is not plain. */
  private scan(bytes: Buffer, from: number, to: number): boolean {
    let at = readTo(bytes, from, to, BLANK, this.host);
    if (at <= from) return false;
    const identTo = readTo(bytes, at + 1, to, BLANK, this.user);
    if (identTo <= at + 1) return false;
    at = readTo(bytes, identTo + 1, to, BLANK, this.user);
    if (at <= identTo + 1 || bytes[at + 1] !== OPEN_BRACKET) return false;
    const timeFrom = at + 2;
    at = timeFrom + CLF_TIME_LENGTH;
    if (at + 2 >= to || bytes[at] !== CLOSE_BRACKET || bytes[at + 1] !== BLANK || bytes[at + 2] !== QUOTE) return false;
    if (!this.readTime(bytes, timeFrom)) return false;
    at = this.readRequest(bytes, at + 3, to);
    if (at < 0) return false;
    at = this.readStatusAndSize(bytes, at, to);
    return at >= 0 && this.readRest(bytes, at, to) && this.fits();
  }

  private readTime(bytes: Buffer, from: number): boolean {
    const tens = bytes[from + SECONDS_AT] - ZERO;
    const ones = bytes[from + SECONDS_AT + 1] - ZERO;
    if (tens < 0 || tens > 9 || ones < 0 || ones > 9) return false;
    const second = tens * 10 + ones;
    if (second > 60 || bytes[from + SECONDS_AT - 1] !== COLON) return false;
    if (!this.isLastMinute(bytes, from)) {
      const ms = clfTimeMs(bytes.toString('latin1', from, from + CLF_TIME_LENGTH), 0);
      if (Number.isNaN(ms)) return false;
      bytes.copy(this.lastTime, 0, from, from + CLF_TIME_LENGTH);
      this.lastMinuteMs = ms - second * 1_000;
    }
    this.timeMs = this.lastMinuteMs + second * 1_000;
    return true;
  }

  private isLastMinute(bytes: Buffer, from: number): boolean {
    if (Number.isNaN(this.lastMinuteMs)) return false;
    // From its end: the minutes change the most.
    for (let i = SECONDS_AT - 1; i >= 0; i--) if (this.lastTime[i] !== bytes[from + i]) return false;
    for (let i = SECONDS_AT + 2; i < CLF_TIME_LENGTH; i++) if (this.lastTime[i] !== bytes[from + i]) return false;
    return true;
  }

  /** `METHOD target HTTP/…"`; where the blank after it stands, -1 where it is not so. */
  private readRequest(bytes: Buffer, from: number, to: number): number {
    const { method, target, protocol } = this;
    const methodTo = readMethod(bytes, from, to, method);
    if (methodTo < 0) return -1;
    const targetTo = readTo(bytes, methodTo + 1, to, BLANK, target);
    if (targetTo <= methodTo + 1) return -1;
    const protocolTo = readTo(bytes, targetTo + 1, to, QUOTE, protocol);
    if (protocolTo < 0) return -1;
    for (let i = 0; i < HTTP.length; i++) if (bytes[protocol.from + i] !== HTTP[i]) return -1;
    return protocolTo - protocol.from < HTTP.length || bytes[protocolTo + 1] !== BLANK ? -1 : protocolTo + 1;
  }

  /** ` 200 1234`; where it ends, -1 where it is not so. */
  private readStatusAndSize(bytes: Buffer, blankAt: number, to: number): number {
    const from = blankAt + 1;
    if (from + 5 > to) return -1;
    const [a, b, c] = [bytes[from] - ZERO, bytes[from + 1] - ZERO, bytes[from + 2] - ZERO];
    if (a < 0 || a > 9 || b < 0 || b > 9 || c < 0 || c > 9 || bytes[from + 3] !== BLANK) return -1;
    this.status = a * 100 + b * 10 + c;
    let at = from + 4;
    this.size = 0;
    if (bytes[at] === DASH) return at + 1;
    const end = Math.min(to, at + DIGITS_MAX);
    const first = at;
    for (; at < end && bytes[at] >= ZERO && bytes[at] <= NINE; at++) this.size = this.size * 10 + bytes[at] - ZERO;
    return at === first || this.size > ENTRY_BYTES_MAX ? -1 : at;
  }

  /** Nothing, or ` "referrer" "user agent"` with anything after a blank. */
  private readRest(bytes: Buffer, from: number, to: number): boolean {
    const { referrer, userAgent } = this;
    referrer.from = referrer.to = userAgent.from = userAgent.to = from;
    if (from === to) return true;
    if (bytes[from] !== BLANK) return false;
    const referrerTo = readQuoted(bytes, from + 1, to, referrer);
    if (referrerTo < 0 || bytes[referrerTo] !== BLANK || referrerTo >= to) return false;
    const agentTo = readQuoted(bytes, referrerTo + 1, to, userAgent);
    return agentTo >= 0 && (agentTo === to || bytes[agentTo] === BLANK);
  }

  /** Within the lengths that are kept: longer ones are cut, which changes their hash. */
  private fits(): boolean {
    const { host, user, method, target, protocol, referrer, userAgent } = this;
    return (
      target.length <= TARGET_LENGTH_MAX &&
      host.length <= TEXT_LENGTH_MAX &&
      user.length <= TEXT_LENGTH_MAX &&
      method.length <= TEXT_LENGTH_MAX &&
      protocol.length <= TEXT_LENGTH_MAX &&
      referrer.length <= TEXT_LENGTH_MAX &&
      userAgent.length <= TEXT_LENGTH_MAX
    );
  }
}

/**
 * Reads a field up to a delimiter, where that stands; -1 where it does not come before `to`, or something that is not
 * plain does: a quote or a backslash (an escape, or the field's end), a control character, more than ASCII.
 */
function readTo(bytes: Buffer, from: number, to: number, delimiter: number, field: Field): number {
  let hash = HASH_SEED;
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte === delimiter) {
      field.from = from;
      field.to = at;
      field.hash = hash;
      return at;
    }
    if (byte <= BLANK || byte > TILDE || byte === QUOTE || byte === BACKSLASH) return -1;
    hash = hashNext(hash, byte);
  }
  return -1;
}

/** `[A-Za-z][A-Za-z0-9_-]*` and a blank: where that stands, -1 where it is not so. */
function readMethod(bytes: Buffer, from: number, to: number, method: Field): number {
  const blankAt = readTo(bytes, from, to, BLANK, method);
  for (let at = from; at < blankAt; at++) {
    const byte = bytes[at];
    const isLetter = (byte | CASE) >= 97 && (byte | CASE) <= 122;
    const isOther = (byte >= ZERO && byte <= NINE) || byte === UNDERSCORE || byte === DASH;
    if (!isLetter && (at === from || !isOther)) return -1;
  }
  return blankAt > from ? blankAt : -1;
}

/** A quoted text without escapes, or a bare dash: where it ends, -1 where it is not so. The field is what is within. */
function readQuoted(bytes: Buffer, from: number, to: number, field: Field): number {
  if (bytes[from] === DASH) {
    field.from = field.to = from;
    return from + 1;
  }
  if (bytes[from] !== QUOTE) return -1;
  let hash = HASH_SEED;
  for (let at = from + 1; at < to; at++) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      field.from = from + 1;
      field.to = at;
      field.hash = hash;
      return at + 1;
    }
    if (byte < BLANK || byte > TILDE || byte === BACKSLASH) return -1;
    hash = hashNext(hash, byte);
  }
  return -1;
}
