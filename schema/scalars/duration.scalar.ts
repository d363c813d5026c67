import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

const FORM = /^P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/;
const UNIT_SECONDS = [604_800, 86_400, 3_600, 60, 1];

/**
 * Seconds of an ISO 8601 duration from weeks to seconds (`PT2M` → 120).
 *
 * @throws GraphQLError where it is none, or not positive, or has months or years, whose length is not fixed.
 */
export function parseDuration(text: string): number {
  const parts = FORM.exec(text);
  const seconds = parts ? UNIT_SECONDS.reduce((sum, unit, i) => sum + unit * Number(parts[i + 1] ?? 0), 0) : 0;
  if (seconds <= 0 || !Number.isSafeInteger(seconds) || text.endsWith('T')) {
    throw new GraphQLError(
      `"${text.slice(0, 40)}" is no duration: expected a positive one of weeks to seconds, such as PT2M or P7D`,
      {
        extensions: { code: 'BAD_USER_INPUT' },
      },
    );
  }
  return seconds;
}

/** The shortest form: 120 → `PT2M`, 604800 → `P7D`, 0 → `PT0S`. */
export function formatDuration(seconds: number): string {
  if (seconds === 0) return 'PT0S';
  const [days, hours, minutes, rest] = [
    Math.floor(seconds / 86_400),
    Math.floor((seconds % 86_400) / 3_600),
    Math.floor((seconds % 3_600) / 60),
    seconds % 60,
  ];
  const time = `${hours ? `${hours}H` : ''}${minutes ? `${minutes}M` : ''}${rest ? `${rest}S` : ''}`;
  return `P${days ? `${days}D` : ''}${time ? `T${time}` : ''}`;
}

/** In resolvers: seconds. */
export const GraphQLDuration = new GraphQLScalarType<number, string>({
  name: 'Duration',
  description: 'A span of time as ISO 8601 duration, "PT10S", "P7D": positive, weeks to seconds, no months and years.',
  specifiedByURL: 'https://www.iso.org/iso-8601-date-and-time-format.html',
  serialize: (value) => formatDuration(value as number),
  parseValue: (value) => parseDuration(String(value)),
  parseLiteral: (node) => parseDuration(node.kind === Kind.STRING ? node.value : ''),
});
