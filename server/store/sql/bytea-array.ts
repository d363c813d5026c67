/** Of `bytea` in PostgreSQL's catalogue (pg_type.dat). */
const BYTEA_OID = 17;
const HEADER_BYTES = 20;

/**
 * A parameter of type `bytea[]` in PostgreSQL's binary format (array_recv in its arrayfuncs.c): as text, each byte would
 * be written, sent and parsed as two digits.
 */
export function byteaArray(buffers: readonly Buffer[]): Buffer {
  const array = Buffer.allocUnsafe(buffers.reduce((sum, { length }) => sum + 4 + length, HEADER_BYTES));
  const header = [1, 0, BYTEA_OID, buffers.length, 1];
  let at = 0;
  for (const number of header) at = array.writeInt32BE(number, at);
  for (const buffer of buffers) {
    at = array.writeInt32BE(buffer.length, at);
    at += buffer.copy(array, at);
  }
  return array;
}
