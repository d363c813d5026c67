/** Where lines come from: files and standard input, bytes to lines, and the proof of which file is which. */
export { FileSource } from './file.js';
export { LINE_BYTES_MAX, type Line, type LineBytes, LineSplitter } from './lines.js';
export { type Head, openFile, readHead } from './open.js';
export { type Checkpoint, type Digest, matchCheckpoints } from './proof.js';
export type { ReadState, Source } from './source.js';
export { StdinSource } from './stdin.js';
