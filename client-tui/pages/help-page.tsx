import { Box, Text } from 'ink';
import { cut, sized } from '../format/width.js';
import { type Binding, bindings, type Scope } from '../keys.js';
import { useTheme } from '../theme.js';
import { FRAME_COLUMNS, type Frame, frameRows, Panel } from '../widgets/panel.js';

const TITLES: Record<Exclude<Scope, 'help'>, string> = {
  servers: 'List of servers',
  server: "A server's page",
  tail: "A server's log",
  everywhere: 'Everywhere',
  threshold: 'While typing a threshold',
  search: 'While searching',
};

const KEY_COLUMNS = 8;
const COLUMN_LEAST = 54;

type Line = { title: string } | { binding: Binding } | null;

function linesOf(scopes: readonly Exclude<Scope, 'help'>[]): Line[] {
  return scopes.flatMap((scope, index) => [
    ...(index > 0 ? [null] : []),
    { title: TITLES[scope] },
    ...bindings.filter((binding) => binding.scope === scope).map((binding) => ({ binding })),
  ]);
}

/** All keys, made from their table: those of the page that it was called from first. */
export function HelpPage({ from, frame, width, height }: { from: Scope; frame: Frame; width: number; height: number }) {
  const inner = width - FRAME_COLUMNS;
  const two = inner >= 2 * COLUMN_LEAST;
  const here = from === 'servers' ? 'servers' : 'server';
  const there = here === 'server' ? 'servers' : 'server';
  const columns = two
    ? [linesOf([here, 'tail', 'everywhere']), linesOf([there, 'threshold', 'search'])]
    : [linesOf([here, 'everywhere', 'tail', there, 'threshold', 'search'])];
  const rows = height - frameRows(frame);
  return (
    <Panel title="Keys" frame={frame} width={width} height={height}>
      <Box>
        {columns.map((lines, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place.
          <Box key={index} flexDirection="column" width={Math.floor(inner / columns.length)}>
            {lines.slice(0, rows).map((line, row) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: a line is its place.
              <HelpLine key={row} line={line} width={Math.floor(inner / columns.length)} />
            ))}
          </Box>
        ))}
      </Box>
    </Panel>
  );
}

function HelpLine({ line, width }: { line: Line; width: number }) {
  const theme = useTheme();
  if (line === null) return <Text> </Text>;
  if ('title' in line) return <Text bold>{cut(line.title, width)}</Text>;
  return (
    <Text wrap="truncate">
      <Text color={theme.accent} bold>
        {sized(line.binding.shown, KEY_COLUMNS)}
      </Text>
      <Text color={theme.muted}>{cut(line.binding.help, width - KEY_COLUMNS - 1)}</Text>
    </Text>
  );
}
