import { Text } from 'ink';
import { type Align, sized } from '../format/width.js';

/** A cell as it is drawn: text that is safe already, in a colour of the theme. */
export interface Cell {
  text: string;
  colour?: string | undefined;
  bold?: boolean;
  inverse?: boolean;
}

export interface Column {
  width: number;
  align?: Align;
}

/** The columns' heads in one line of text, as wide as the cells below. */
export const headLine = (columns: readonly Column[], heads: readonly string[]): string =>
  columns.map((column, index) => sized(heads[index] ?? '', column.width, column.align)).join(' ');

/** One line of cells, each in its column's width. */
export function Row({ columns, cells }: { columns: readonly Column[]; cells: readonly Cell[] }) {
  return (
    <Text wrap="truncate">
      {columns.map((column, index) => {
        const cell = cells[index] ?? { text: '' };
        return (
          // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place.
          <Text key={index}>
            {index > 0 ? ' ' : ''}
            <Text color={cell.colour} bold={cell.bold ?? false} inverse={cell.inverse ?? false}>
              {sized(cell.text, column.width, column.align)}
            </Text>
          </Text>
        );
      })}
    </Text>
  );
}
