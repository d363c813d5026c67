/** Slots are doubled beyond this share of them: probes stay short. */
const LOAD_MAX = 0.5;
const SLOTS_MIN = 64;
const ASCII = new TextDecoder('latin1');
/** FNV-1a's prime (Fowler, Noll, Vo; RFC 9923). */
const PRIME = 0x01000193;

/** Differs from process to process: nobody can write texts that all fall into one slot. */
export const HASH_SEED = Math.floor(Math.random() * 2 ** 32) | 0;

/** The hash of a text with one more character, by its code; begin with HASH_SEED. */
export function hashNext(hash: number, code: number): number {
  return Math.imul(hash ^ code, PRIME);
}

/** Of a whole text. */
function hashOf(text: string): number {
  let hash = HASH_SEED;
  for (let i = 0; i < text.length; i++) hash = hashNext(hash, text.charCodeAt(i));
  return hash;
}

/**
 * Distinct texts in the order in which they came, found by text or by ASCII bytes: so a text that is known already is
 * never made of its bytes again. Open addressing with linear probing (Knuth, TAOCP 3, 6.4).
 */
export class TextDictionary {
  readonly texts: string[] = [];
  private readonly hashes: number[] = [];
  /** 0: free; else 1 + the place in `texts`. */
  private slots = new Int32Array(SLOTS_MIN);

  /** 1 + the text's place in `texts`, which it has from here on. */
  placeOf(text: string): number {
    const hash = hashOf(text);
    let slot = this.firstSlot(hash);
    for (; this.slots[slot] !== 0; slot = this.nextSlot(slot)) {
      const at = this.slots[slot] - 1;
      if (this.hashes[at] === hash && this.texts[at] === text) return at + 1;
    }
    return this.put(slot, hash, text);
  }

  /**
   * The same for the text that is `bytes[from, to)`.
   *
   * @param bytes ASCII there, nothing else
   * @param hash of its characters
   */
  placeOfBytes(bytes: Uint8Array, from: number, to: number, hash: number): number {
    let slot = this.firstSlot(hash);
    for (; this.slots[slot] !== 0; slot = this.nextSlot(slot)) {
      const at = this.slots[slot] - 1;
      if (this.hashes[at] === hash && isText(this.texts[at], bytes, from, to)) return at + 1;
    }
    return this.put(slot, hash, ASCII.decode(bytes.subarray(from, to)));
  }

  private firstSlot(hash: number): number {
    // The upper bits mix better than the lower ones, which the last characters alone decide.
    return (hash ^ (hash >>> 15)) & (this.slots.length - 1);
  }

  private nextSlot(slot: number): number {
    return (slot + 1) & (this.slots.length - 1);
  }

  private put(slot: number, hash: number, text: string): number {
    const place = this.texts.push(text);
    this.hashes.push(hash);
    this.slots[slot] = place;
    if (place > this.slots.length * LOAD_MAX) this.grow();
    return place;
  }

  private grow(): void {
    this.slots = new Int32Array(this.slots.length * 2);
    this.hashes.forEach((hash, at) => {
      let slot = this.firstSlot(hash);
      while (this.slots[slot] !== 0) slot = this.nextSlot(slot);
      this.slots[slot] = at + 1;
    });
  }
}

function isText(text: string, bytes: Uint8Array, from: number, to: number): boolean {
  if (text.length !== to - from) return false;
  for (let i = from; i < to; i++) if (text.charCodeAt(i - from) !== bytes[i]) return false;
  return true;
}
