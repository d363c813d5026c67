import { readFileSync } from 'node:fs';
import { UserError } from '../schema/user-error.js';

/**
 * A file's text.
 *
 * @param what is read, for the message
 * @throws UserError where it cannot be read.
 */
export function textOf(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read ${what} from ${file}: ${(error as NodeJS.ErrnoException).code}`);
  }
}
