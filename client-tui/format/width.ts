import stringWidth from 'string-width';

/** Text in terminal columns: cut, padded and wrapped by what a reader sees as one character. */

const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Marks stacked on one letter; more would run over the lines above. */
const GRAPHEME_UNITS_MAX = 16;

export type Align = 'left' | 'right';

export const widthOf = (text: string): number => stringWidth(text);

/** The text in at most `columns`, its end replaced by `…` where it is longer. */
export function cut(text: string, columns: number): string {
  if (columns <= 0) return '';
  let shown = '';
  let used = 0;
  let fits = '';
  for (const { segment } of graphemes.segment(text)) {
    const piece = segment.length > GRAPHEME_UNITS_MAX ? String.fromCodePoint(segment.codePointAt(0)!) : segment;
    const width = stringWidth(piece);
    if (used + width > columns) return `${fits}…`;
    shown += piece;
    used += width;
    if (used <= columns - 1) fits = shown;
  }
  return shown;
}

/** The text in exactly `columns`. */
export function sized(text: string, columns: number, align: Align = 'left'): string {
  const shown = cut(text, columns);
  const padding = ' '.repeat(Math.max(0, columns - stringWidth(shown)));
  return align === 'left' ? shown + padding : padding + shown;
}

/** The text in lines of at most `columns`, broken at spaces, at most `linesMax` of them. */
export function wrap(text: string, columns: number, linesMax = Number.POSITIVE_INFINITY): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && stringWidth(longer) > columns) {
      lines.push(line);
      line = word;
    } else {
      line = longer;
    }
  }
  lines.push(line);
  const kept = lines.length > linesMax ? [...lines.slice(0, linesMax - 1), lines.slice(linesMax - 1).join(' ')] : lines;
  return kept.map((each) => cut(each, columns));
}
