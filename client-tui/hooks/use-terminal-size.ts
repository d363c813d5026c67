import { useStdout } from 'ink';
import { useEffect, useState } from 'react';

export interface TerminalSize {
  columns: number;
  rows: number;
}

const UNKNOWN: TerminalSize = { columns: 80, rows: 24 };

/** The terminal's size, also after it was resized. */
export function useTerminalSize(): TerminalSize {
  const { stdout } = useStdout();
  const measure = (): TerminalSize => ({
    columns: stdout.columns || UNKNOWN.columns,
    rows: stdout.rows || UNKNOWN.rows,
  });
  const [size, setSize] = useState(measure);
  useEffect(() => {
    const resized = () => setSize({ columns: stdout.columns || UNKNOWN.columns, rows: stdout.rows || UNKNOWN.rows });
    stdout.on('resize', resized);
    return () => {
      stdout.off('resize', resized);
    };
  }, [stdout]);
  return size;
}
