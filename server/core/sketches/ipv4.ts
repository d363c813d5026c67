const DOT = 46;
const ZERO = 48;
/** `0.0.0.0`, `255.255.255.255` */
const LENGTH_MIN = 7;
const LENGTH_MAX = 15;

/** The number of an IPv4 address in its one canonical form, of which `ipv4Texts` makes the same text again; -1: it is none. */
export function ipv4Of(text: string): number {
  const { length } = text;
  if (length < LENGTH_MIN || length > LENGTH_MAX) return -1;
  let address = 0;
  let part = 0;
  let digits = 0;
  let dots = 0;
  for (let i = 0; i < length; i++) {
    const digit = text.charCodeAt(i) - ZERO;
    if (digit >= 0 && digit <= 9) {
      // 01 would come back as 1.
      if (digits > 0 && part === 0) return -1;
      part = part * 10 + digit;
      if (++digits > 3) return -1;
    } else {
      if (digit !== DOT - ZERO || digits === 0 || part > 255 || ++dots > 3) return -1;
      address = (address << 8) | part;
      part = 0;
      digits = 0;
    }
  }
  return dots === 3 && digits > 0 && part <= 255 ? ((address << 8) | part) >>> 0 : -1;
}

let scratch = Buffer.alloc(1 << 14);

/** Texts of addresses that follow each other, four bytes each, the highest first. All are read in one go. */
export function ipv4Texts(addresses: Buffer): string[] {
  // Of each of its four bytes three digits and a dot.
  if (scratch.length < addresses.length * 4) scratch = Buffer.alloc(addresses.length * 4);
  const ends: number[] = [];
  let at = 0;
  for (let i = 0; i < addresses.length; i += 4) {
    at = putPart(at, addresses[i]);
    for (let j = i + 1; j < i + 4; j++) {
      scratch[at++] = DOT;
      at = putPart(at, addresses[j]);
    }
    ends.push(at);
  }
  const all = scratch.toString('latin1', 0, at);
  let from = 0;
  return ends.map((end) => all.slice(from, (from = end)));
}

function putPart(from: number, part: number): number {
  let at = from;
  if (part > 99) scratch[at++] = ZERO + Math.floor(part / 100);
  if (part > 9) scratch[at++] = ZERO + (Math.floor(part / 10) % 10);
  scratch[at++] = ZERO + (part % 10);
  return at;
}
