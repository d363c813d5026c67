import type { Transaction } from '../database.js';

/**
 * Reads a SELECT by a cursor, so many rows at a time: however many there are, neither memory holds them all nor does
 * working on them keep others waiting. One at a time in a transaction.
 */
export async function* readInSlices<Row>(
  sql: Transaction['sql'],
  select: string,
  values: unknown[],
  rowsAtOnce: number,
): AsyncGenerator<Row[]> {
  await sql(`DECLARE slices NO SCROLL CURSOR FOR ${select}`, values);
  let slice: Row[];
  do {
    slice = (await sql(`FETCH ${rowsAtOnce} FROM slices`)) as Row[];
    yield slice;
  } while (slice.length === rowsAtOnce);
  await sql('CLOSE slices');
}
