/** Slots are doubled beyond this share of them: probes stay short. */
const LOAD_MAX = 0.5;
const SLOTS_MIN = 64;
/** Bytes that there is room for at first; doubled as it takes. */
const BYTES_MIN = 2_048;
/** FNV-1a's prime (Fowler, Noll, Vo; RFC 9923). */
const PRIME = 0x01000193;
const BLANK = 32;
const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const TILDE = 126;
const encoder = new TextEncoder();

/** Differs from process to process: nobody can write texts that all fall into one slot. */
export const HASH_SEED = Math.floor(Math.random() * 2 ** 32) | 0;

/** The hash of a text with one more character, by its code; begin with HASH_SEED. */
export function hashNext(hash: number, code: number): number {
  return Math.imul(hash ^ code, PRIME);
}

/** Whether JSON writes a character as it is, in one byte. */
const isPlain = (code: number) => code >= BLANK && code <= TILDE && code !== QUOTE && code !== BACKSLASH;

/**
 * Distinct texts in the order in which they came, as JSON: so they are sent, and no text is made of those that come as bytes.
 * Open addressing with linear probing (Knuth, TAOCP 3, 6.4).
 */
export class TextDictionary {
  /** Texts so far. */
  size = 0;
  /** `["…","…"`: all texts, each in quotes and behind a comma, but for the first. */
  private written = new Uint8Array(BYTES_MIN);
  private end = 0;
  /** Where each text begins in it, behind its quote. */
  private starts = new Int32Array(SLOTS_MIN * LOAD_MAX + 1);
  private hashes = new Int32Array(SLOTS_MIN * LOAD_MAX + 1);
  /** 0: free; else 1 + the text's place. */
  private slots = new Int32Array(SLOTS_MIN);

  /** 1 + the text's place, which it has from here on. */
  placeOf(text: string): number {
    let hash = HASH_SEED;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (!isPlain(code)) return this.placeOfJson(encoder.encode(JSON.stringify(text)));
      hash = hashNext(hash, code);
    }
    let slot = this.firstSlot(hash);
    for (; this.slots[slot] !== 0; slot = this.nextSlot(slot)) {
      const at = this.slots[slot] - 1;
      if (this.hashes[at] === hash && this.isText(at, text)) return at + 1;
    }
    return this.put(slot, hash, encoder.encode(text), 0, text.length);
  }

  /** The same for a text that JSON writes in another way than as its characters. */
  private placeOfJson(json: Uint8Array): number {
    let hash = HASH_SEED;
    for (let i = 1; i < json.length - 1; i++) hash = hashNext(hash, json[i]);
    return this.placeOfBytes(json, 1, json.length - 1, hash);
  }

  /**
   * The same for the text that is `bytes[from, to)`.
   *
   * @param bytes ASCII there that can be seen, but no quote and no backslash: what JSON writes as it is
   * @param hash of its characters
   */
  placeOfBytes(bytes: Uint8Array, from: number, to: number, hash: number): number {
    let slot = this.firstSlot(hash);
    for (; this.slots[slot] !== 0; slot = this.nextSlot(slot)) {
      const at = this.slots[slot] - 1;
      if (this.hashes[at] === hash && this.isBytes(at, bytes, from, to)) return at + 1;
    }
    return this.put(slot, hash, bytes, from, to);
  }

  private firstSlot(hash: number): number {
    // The upper bits mix better than the lower ones, which the last characters alone decide.
    return (hash ^ (hash >>> 15)) & (this.slots.length - 1);
  }

  private nextSlot(slot: number): number {
    return (slot + 1) & (this.slots.length - 1);
  }

  private isText(at: number, text: string): boolean {
    const { written, starts } = this;
    const start = starts[at];
    // As long: a quote within a text has a backslash before it, which no text ends with.
    if (written[start + text.length] !== QUOTE) return false;
    for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== written[start + i]) return false;
    return true;
  }

  private isBytes(at: number, bytes: Uint8Array, from: number, to: number): boolean {
    const { written, starts } = this;
    let place = starts[at];
    if (written[place + to - from] !== QUOTE) return false;
    for (let i = from; i < to; i++) if (bytes[i] !== written[place++]) return false;
    return true;
  }

  private put(slot: number, hash: number, bytes: Uint8Array, from: number, to: number): number {
    this.makeRoom(to - from + 3);
    const { written } = this;
    let { end } = this;
    written[end++] = this.size === 0 ? OPEN_BRACKET : COMMA;
    written[end++] = QUOTE;
    this.starts[this.size] = end;
    for (let i = from; i < to; i++) written[end++] = bytes[i];
    written[end++] = QUOTE;
    this.end = end;
    this.hashes[this.size] = hash;
    const place = ++this.size;
    this.slots[slot] = place;
    if (place > this.slots.length * LOAD_MAX) this.grow();
    return place;
  }

  private makeRoom(size: number): void {
    // One byte more, for the bracket at the end.
    if (this.end + size < this.written.length) return;
    const { written } = this;
    this.written = new Uint8Array(Math.max(written.length * 2, this.end + size + 1));
    this.written.set(written);
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2);
    const { hashes, starts } = this;
    // One more than there may be before it grows again.
    const room = this.slots.length * LOAD_MAX + 1;
    this.hashes = new Int32Array(room);
    this.hashes.set(hashes);
    this.starts = new Int32Array(room);
    this.starts.set(starts);
    for (let at = 0; at < this.size; at++) {
      let slot = this.firstSlot(hashes[at]);
      while (this.slots[slot] !== 0) slot = this.nextSlot(slot);
      this.slots[slot] = at + 1;
    }
  }

  /** All texts as a JSON list in UTF-8: until another one comes. */
  json(): Uint8Array {
    if (this.size === 0) this.written[0] = OPEN_BRACKET;
    const end = Math.max(1, this.end);
    this.written[end] = CLOSE_BRACKET;
    return this.written.subarray(0, end + 1);
  }

  /** Forgets all texts, and keeps its memory. */
  clear(): void {
    this.size = this.end = 0;
    this.slots.fill(0);
  }
}
