import { safeText } from '../../client/format/safe-text.js';
import type { TailEntry } from '../../schema/operations/live.js';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** `31/Jan/2026:12:00:00 +0000`, as Common Log Format has it, in UTC. */
function clfTime(time: string): string {
  const at = new Date(time).toISOString();
  return `${at.slice(8, 10)}/${MONTHS[Number(at.slice(5, 7)) - 1]}/${at.slice(0, 4)}:${at.slice(11, 19)} +0000`;
}

/** Within quotes, nothing that a terminal would obey or that would end them. */
const quoted = (text: string): string => `"${safeText(text).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
/** Without quotes, one word; `-`: there is none. */
const word = (text: string | null): string => (text === null ? '-' : safeText(text).replaceAll(' ', '+')) || '-';

/** An entry as Combined Log Format has it (Common, and referrer and user agent where it has them). */
export function combinedLine(entry: TailEntry): string {
  const { time, host, user, method, path, query, protocol, status, bytes, referrer, userAgent } = entry;
  const target = query === null ? path : `${path}?${query}`;
  const request = [method, target, ...(protocol === null ? [] : [protocol])].join(' ');
  const common = `${word(host)} - ${word(user)} [${clfTime(time)}] ${quoted(request)} ${status || '-'} ${bytes}`;
  return referrer === null && userAgent === null
    ? common
    : `${common} ${quoted(referrer ?? '-')} ${quoted(userAgent ?? '-')}`;
}

/** What a terminal would obey or a reader could not see: DEL, C1, and all of format, private and unpaired. */
const UNSEEN = /[\u007f-\u009f\u2028\u2029]|\p{Cf}|\p{Co}|\p{Cs}/gu;
const escaped = (text: string): string =>
  text.replace(/[\s\S]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** An entry as one line of JSON, the server's name as `agent`; nothing is left out, and nothing is there that a terminal would obey. */
export function jsonLine({ agent, ...entry }: TailEntry): string {
  return JSON.stringify({ agent: agent.name, ...entry }).replace(UNSEEN, escaped);
}
