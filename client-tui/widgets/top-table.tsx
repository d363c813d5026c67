import { count, percent } from '../../client/format/numbers.js';
import { safeText } from '../../client/format/safe-text.js';
import type { Tops } from '../../schema/operations/live.js';
import { useTheme } from '../theme.js';
import { Empty } from './empty.js';
import { FRAME_COLUMNS, type Frame, frameRows, Panel } from './panel.js';
import { type Column, headLine, Row } from './table.js';

export interface TopTableProps {
  title: string;
  detail: string;
  entries: Tops['sections'] | null;
  /** All hits of the span: what the shares are of. */
  hits: number;
  frame: Frame;
  width: number;
  height: number;
}

const NUMBERS: readonly Column[] = [
  { width: 6, align: 'right' },
  { width: 5, align: 'right' },
  { width: 5, align: 'right' },
];
const NUMBER_COLUMNS = NUMBERS.reduce((sum, { width }) => sum + width + 1, 0);

/** The heaviest keys of a dimension: hits, their share of all, errors. The keys come from log lines. */
export function TopTable({ title, detail, entries, hits, frame, width, height }: TopTableProps) {
  const theme = useTheme();
  const columns: Column[] = [{ width: width - FRAME_COLUMNS - NUMBER_COLUMNS }, ...NUMBERS];
  const shown = entries?.slice(0, height - frameRows(frame)) ?? [];
  return (
    <Panel
      title={title}
      detail={detail}
      aside={headLine(NUMBERS, ['hits', 'share', 'err']).trimStart()}
      headsMatter
      frame={frame}
      width={width}
      height={height}
    >
      {shown.map(({ key, hits: own, clientErrors, serverErrors }, index) => (
        <Row
          // biome-ignore lint/suspicious/noArrayIndexKey: a rank is its place; keys may look alike once made safe.
          key={index}
          columns={columns}
          cells={[
            { text: safeText(key) },
            { text: count(own) },
            { text: percent(hits > 0 ? own / hits : 0), colour: theme.muted },
            {
              text: count(clientErrors + serverErrors),
              colour: serverErrors > 0 ? theme.serverError : clientErrors > 0 ? theme.clientError : theme.muted,
            },
          ]}
        />
      ))}
      {shown.length === 0 ? <Empty text={entries ? 'no hits' : '…'} /> : null}
    </Panel>
  );
}
