import { Box, Text } from 'ink';
import type { ReactNode } from 'react';
import { cut, widthOf } from '../format/width.js';
import { useTheme } from '../theme.js';

export type Frame = 'box' | 'rule';

/** Rows that a frame takes besides its content, and columns. */
export const frameRows = (frame: Frame): number => (frame === 'box' ? 2 : 1);
export const FRAME_COLUMNS = 4;

export interface PanelProps {
  title: string;
  /** Muted, after the title. */
  detail?: string;
  detailColour?: string | undefined;
  /** At the right of the upper edge, such as the heads of a table's columns. */
  aside?: string;
  asideColour?: string | undefined;
  /** The aside is worth more than the detail where both have no room. */
  headsMatter?: boolean;
  frame: Frame;
  width: number;
  /** With the frame. */
  height: number;
  children?: ReactNode;
}

/** A titled part of a page: in a box where there is room, else under a rule. */
export function Panel(props: PanelProps) {
  const { frame, width, height, children } = props;
  const theme = useTheme();
  const rows = height - frameRows(frame);
  if (frame === 'rule') {
    return (
      <Box flexDirection="column" width={width} height={height} overflowY="hidden">
        <UpperEdge {...props} left="──" right="──" />
        <Box flexDirection="column" paddingX={2} height={rows} overflowY="hidden">
          {children}
        </Box>
      </Box>
    );
  }
  return (
    <Box flexDirection="column" width={width} height={height} overflowY="hidden">
      <UpperEdge {...props} left="╭─" right="─╮" />
      <Box
        flexDirection="column"
        width={width}
        height={rows + 1}
        paddingX={1}
        borderStyle="round"
        borderTop={false}
        borderColor={theme.border}
        overflowY="hidden"
      >
        {children}
      </Box>
    </Box>
  );
}

function UpperEdge({
  title,
  detail,
  detailColour,
  aside,
  asideColour,
  headsMatter,
  width,
  left,
  right,
}: PanelProps & { left: string; right: string }) {
  const theme = useTheme();
  const room = width - left.length - right.length - 2;
  const name = cut(title, room);
  const besideColumns = aside ? widthOf(aside) + 2 : 0;
  const crowded = widthOf(name) + (detail ? widthOf(detail) + 3 : 0) + besideColumns > room;
  const dropped = crowded && headsMatter && widthOf(name) + besideColumns <= room;
  const after = detail && !dropped ? cut(` · ${detail}`, room - widthOf(name)) : '';
  const spare = room - widthOf(name) - widthOf(after);
  const beside = aside && besideColumns <= spare ? aside : '';
  const dashes = '─'.repeat(Math.max(0, spare - (beside ? widthOf(beside) + 2 : 0)));
  return (
    <Text wrap="truncate">
      <Text color={theme.border}>{left} </Text>
      <Text color={theme.heading} bold>
        {name}
      </Text>
      <Text color={detailColour ?? theme.muted}>{after}</Text>
      <Text color={theme.border}> {dashes}</Text>
      {beside ? <Text color={asideColour ?? theme.muted}> {beside} </Text> : null}
      <Text color={theme.border}>{right}</Text>
    </Text>
  );
}
