/** Of `bytea` in PostgreSQL's catalogue (pg_type.dat). */
const BYTEA_OID = 17;
const HEADER_BYTES = 20;
const NULL_LENGTH = -1;

/**
 * A parameter of type `bytea[]` in PostgreSQL's binary format (array_recv in its arrayfuncs.c): as text, each byte would
 * be written, sent and parsed as two digits.
 */
export function byteaArray(buffers: readonly (Buffer | null)[]): Buffer {
  const array = Buffer.allocUnsafe(buffers.reduce((sum, buffer) => sum + 4 + (buffer?.length ?? 0), HEADER_BYTES));
  const header = [1, buffers.includes(null) ? 1 : 0, BYTEA_OID, buffers.length, 1];
  let at = 0;
  for (const number of header) at = array.writeInt32BE(number, at);
  for (const buffer of buffers) {
    at = array.writeInt32BE(buffer?.length ?? NULL_LENGTH, at);
    if (buffer !== null) at += buffer.copy(array, at);
  }
  return array;
}
