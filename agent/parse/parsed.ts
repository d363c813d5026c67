import type { Entry } from '../../schema/log-batch.js';

/** What a line is: an entry; the reason why it is none (malformed); or null (skipped: blank, or a header). */
export type ParsedLine = Entry | string | null;

/** Reads one line, without its line feed. Never throws, and takes time linear in the line's length. */
export type ParseLine = (line: string) => ParsedLine;
