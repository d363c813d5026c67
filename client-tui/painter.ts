import { EventEmitter } from 'node:events';
import { widthOf } from './format/width.js';

/** The terminal's other screen, without cursor and without wrapping: a line cut too late spoils nothing. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l\u001b[2J\u001b[H';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** Synchronized output: terminals that know it show a frame at once, others take no notice. */
const BEGIN_FRAME = '\u001b[?2026h';
const END_FRAME = '\u001b[?2026l';

/**
 * Stands between Ink and the terminal: takes whole frames, and writes only the lines that changed, each at its place.
 *
 * Ink's own output moves relative to a cursor that a resize may have put anywhere, clears the screen for a frame as
 * high as the terminal, and shows nothing while CI is set. Frames come here from its debug mode, which leaves
 * the writing to its stream.
 */
export class Painter extends EventEmitter {
  private shown: string[] = [];
  private latest: string | undefined;
  private open = false;

  constructor(private readonly terminal: NodeJS.WriteStream) {
    super();
  }

  get columns(): number {
    return this.terminal.columns;
  }

  get rows(): number {
    return this.terminal.rows;
  }

  enter(): void {
    this.open = true;
    this.terminal.write(ENTER);
    this.terminal.on('resize', this.resized);
    process.on('exit', this.leave);
  }

  /** Gives the terminal back as it was. */
  readonly leave = (): void => {
    if (!this.open) return;
    this.open = false;
    this.terminal.off('resize', this.resized);
    process.off('exit', this.leave);
    if (this.terminal.writable) this.terminal.write(LEAVE);
  };

  /** A frame of Ink's: its lines, without movements of the cursor. */
  readonly write = (frame: string): boolean => {
    if (!this.open) return true;
    this.latest = frame;
    const lines = frame.split('\n').slice(0, this.rows || undefined);
    let changed = '';
    lines.forEach((line, row) => {
      if (line === this.shown[row]) return;
      // After a line as wide as the terminal the cursor stands on its last character, and would erase it.
      const rest = widthOf(line) < this.columns ? '\u001b[K' : '';
      changed += `\u001b[${row + 1};1H${line}\u001b[0m${rest}`;
    });
    const below = lines.length < this.rows && (lines.length < this.shown.length || this.shown.length === 0);
    if (below) changed += `\u001b[${lines.length + 1};1H\u001b[J`;
    this.shown = lines;
    return changed === '' || this.terminal.write(BEGIN_FRAME + changed + END_FRAME);
  };

  /** Tells the desktop: the bell, and a notification where the terminal makes one (OSC 9). @param text without controls */
  readonly push = (text: string): void => {
    if (this.open) this.terminal.write(`\u0007\u001b]9;${text}\u0007`);
  };

  /** Writes the last frame once more, whole. */
  readonly repaint = (): void => {
    this.shown = [];
    if (this.latest !== undefined) this.write(this.latest);
  };

  private readonly resized = (): void => {
    // What the terminal did with its lines is its own affair: all are written again.
    this.shown = [];
    this.emit('resize');
  };
}
