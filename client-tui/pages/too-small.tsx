import { Text } from 'ink';
import type { TerminalSize } from '../hooks/use-terminal-size.js';
import { COLUMNS_LEAST, ROWS_LEAST } from './layout.js';

/** Where nothing could be read. */
export function TooSmall({ size }: { size: TerminalSize }) {
  return (
    <Text wrap="truncate">
      too small: {size.columns}×{size.rows}, needs {COLUMNS_LEAST}×{ROWS_LEAST} (q quits)
    </Text>
  );
}
