/** A variable, or a part of one, whose JSON is written already. */
export class WrittenJson {
  /** @param bytes UTF-8 */
  constructor(readonly bytes: Uint8Array) {}
}

/** Stands for what is written already: no text that comes from elsewhere is it. */
const PLACEHOLDER = `written-${Math.random()}-${Math.random()}`;
const QUOTED = JSON.stringify(PLACEHOLDER);

/** The JSON of a value in parts, one after the other: what of it is written already goes as it is. */
export function jsonParts(value: unknown): (string | Uint8Array)[] {
  const written: Uint8Array[] = [];
  const replace = (_key: string, each: unknown) => {
    if (!(each instanceof WrittenJson)) return each;
    written.push(each.bytes);
    return PLACEHOLDER;
  };
  const [first, ...rest] = JSON.stringify(value, replace).split(QUOTED);
  return [first, ...rest.flatMap((text, i) => [written[i], text])];
}
