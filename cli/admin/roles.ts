import { UserError } from '../../schema/user-error.js';

export const ROLES = ['OPERATOR', 'ADMIN', 'VIEWER', 'AGENT'] as const;
/** Those of people. */
export const USER_ROLES = ['OPERATOR', 'ADMIN', 'VIEWER'] as const;

/** One of several words, in whatever case. @throws UserError where it is none of them. */
export function oneOf<Word extends string>(words: readonly Word[], given: string): Word {
  const word = words.find((one) => one === given.toUpperCase());
  if (word === undefined) throw new UserError(`"${given}" is none of ${words.join(', ')}`);
  return word;
}
