import { cleanText } from '../../../schema/log-batch.js';

const NAME_LENGTH_MAX = 100;
const EMAIL_LENGTH_MAX = 254;

/** One address, and nothing that a mail header could be made of. */
const EMAIL = /^[^\s@,;:<>"()[\]\\]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** What is wrong with a name; null: nothing. */
export function nameProblem(field: string, name: string): string | null {
  if (name.trim() === '' || CONTROL.test(name) || cleanText(name, NAME_LENGTH_MAX) !== name)
    return `${field} must have 1 to ${NAME_LENGTH_MAX} characters, and no control characters.`;
  return null;
}

/** What is wrong with an e-mail address; null: nothing. */
export function emailProblem(email: string): string | null {
  return EMAIL.test(email) && cleanText(email, EMAIL_LENGTH_MAX) === email
    ? null
    : 'email must be one address, such as ops@example.com.';
}
