import { badInput } from '../errors.js';

/** Without null, which an input's fields may not be once they are given. */
type Given<Input> = { [Field in keyof Input]?: NonNullable<Input[Field]> };

/** The fields of a patch that are given: absent leaves. @throws ApiError BAD_USER_INPUT where one is null. */
export function givenOf<Input extends object>(input: Input): Given<Input> {
  const given = Object.entries(input).filter(([, value]) => value !== undefined);
  for (const [name, value] of given) if (value === null) throw badInput(`${name} cannot be null.`);
  return Object.fromEntries(given) as Given<Input>;
}
