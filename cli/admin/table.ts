import stringWidth from 'string-width';
import { safeText } from '../../client/format/safe-text.js';

/** Rows under their headings, columns aligned; what comes from others without terminal escapes. */
export function table(headings: readonly string[], rows: readonly (readonly (string | null)[])[]): string {
  const lines = [headings, ...rows].map((row) => row.map((cell) => safeText(cell ?? '-')));
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => stringWidth(line[column]))));
  const padded = (cell: string, column: number) => cell + ' '.repeat(widths[column] - stringWidth(cell));
  return lines.map((line) => `${line.map(padded).join('  ').trimEnd()}\n`).join('');
}

/** One that was shown this once: alone on standard output, so that it can be piped. */
export function tellSecret(secret: string, about: string): void {
  process.stderr.write(`${about}; its secret is shown this once:\n`);
  process.stdout.write(`${secret}\n`);
}
