import { UserError } from '../schema/user-error.js';
import { FirstLines, type Format, lineParser } from './parse/index.js';
import { type FileSource, readHead } from './source/index.js';

/** The mistake of a source whose first lines fit no format, in one line. */
export function otherFormat(label: string, format: Format, firstLines: FirstLines): UserError {
  const { line, reason } = firstLines.firstMalformed ?? { line: 1, reason: 'no line of text' };
  const wanted = format === 'auto' ? 'is no log that can be read' : `is not in the format ${format}`;
  return new UserError(`${label}: ${wanted}: line ${line}: ${reason}`);
}

/**
 * Looks at a file's first lines before anything of it is sent.
 *
 * NUL bytes do not condemn a file that has entries: a log truncated under its writer begins with them.
 *
 * @throws UserError where the file is in another format.
 */
export async function checkFormat(source: FileSource, format: Format, once: boolean): Promise<void> {
  const { lines, whole, binary } = await readHead(source, once);
  const parse = lineParser(format);
  const first = new FirstLines();
  for (const line of lines) {
    first.note(parse(line));
    if (first.verdict !== 'open') break;
  }
  if (whole) first.end();
  if (first.verdict === 'fits') return;
  if (binary !== null) throw new UserError(`${source.label}: ${binary}`);
  if (first.verdict === 'other') throw otherFormat(source.label, format, first);
}
