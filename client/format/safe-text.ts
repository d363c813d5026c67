/**
 * Makes text that came from log lines safe to show.
 *
 * A log line is written by whoever sent the request: it may hold terminal escapes (move the cursor, set the clipboard,
 * fake a link), bidirectional controls (show another order than what is there) or invisible characters. Ink passes
 * escapes on, so all of it is taken out here, before any widget sees it.
 */

const ESCAPE_SEQUENCES = new RegExp(
  [
    // Strings (OSC, DCS, SOS, PM, APC) up to BEL or ST: with their payload.
    '(?:\\u001b[\\]PX^_]|[\\u009d\\u0090\\u0098\\u009e\\u009f])[^\\u0007\\u001b\\u009c]*(?:\\u0007|\\u001b\\\\|\\u009c)',
    // CSI: parameters, intermediates, final byte.
    '(?:\\u001b\\[|\\u009b)[0-?]*[ -/]*[@-~]',
    // Any other escape: intermediates, final byte. An unfinished string loses its introducer only.
    '\\u001b[ -/]*[0-~]',
  ].join('|'),
  'gu',
);

/** Tabs, line ends and Unicode's line and paragraph separators: shown as a space. */
const BREAKS = /[\t\n\v\f\r\u0085\u2028\u2029]+/gu;

/**
 * C0, DEL, C1 (Cc); bidi controls, zero width, soft hyphen, tags (Cf); variation selectors, which change a width that
 * terminals do not agree on; the Hangul fillers, which are letters that nobody sees.
 */
const INVISIBLE =
  /\p{Cc}|\p{Cf}|\u034f|[\u115f\u1160]|[\u17b4\u17b5]|[\u180b-\u180f]|\u3164|\uffa0|[\ufe00-\ufe0f]|[\u{e0000}-\u{e0fff}]/gu;

/** A key is shown in one line of a terminal: more than this is never looked at. */
const INPUT_CHARACTERS_MAX = 4_096;

/** The text without anything that a terminal would obey or that a reader could not see. */
export function safeText(text: string): string {
  return text
    .slice(0, INPUT_CHARACTERS_MAX)
    .replace(/\p{Cs}/gu, '\ufffd') // Lone surrogates, the slice's own among them.
    .replace(ESCAPE_SEQUENCES, '')
    .replace(BREAKS, ' ')
    .replace(INVISIBLE, '');
}
