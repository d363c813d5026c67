/** What PostgreSQL says of statements after the one that failed: in_failed_sql_transaction, and that one first prepared there is unknown. */
const AFTER_ANOTHER: unknown[] = ['25P02', '26000'];

/**
 * As `Promise.all`, but ends only once all have: statements of one transaction that are sent together. None may be sent
 * any more when the transaction, or its savepoint, is given up because one has failed.
 *
 * @throws the error for which the others could not be done.
 */
export async function allEnded<const Branches extends readonly Promise<unknown>[]>(
  branches: Branches,
): Promise<{ -readonly [Key in keyof Branches]: Awaited<Branches[Key]> }> {
  const errors: unknown[] = [];
  const noted = branches.map((branch) => branch.catch((error: unknown) => void errors.push(error)));
  const results = await Promise.all(noted);
  if (errors.length > 0)
    throw errors.find((error) => !AFTER_ANOTHER.includes((error as { code?: unknown }).code)) ?? errors[0];
  return results as { -readonly [Key in keyof Branches]: Awaited<Branches[Key]> };
}
