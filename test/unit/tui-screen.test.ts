// Goal: keys are unambiguous, the rows of any terminal are shared out without a rest, and the painter leaves on a
// terminal what Ink drew. Method: tables by enumeration, the painter against a small model of a terminal.

import { EventEmitter } from 'node:events';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pushText } from '../../client/model/push.js';
import { actionOf, bindings, hints, keyName, type Scope } from '../../client-tui/keys.js';
import { typed } from '../../client-tui/model/screen.js';
import { bodyRows, listLayout, ROWS_LEAST, serverLayout } from '../../client-tui/pages/layout.js';
import { Painter } from '../../client-tui/painter.js';
import { tabsWithin } from '../../client-tui/widgets/header.js';
import type { AlertEventCard } from '../../schema/operations/alerts.js';

const SCOPES: Scope[] = ['servers', 'server', 'tail', 'search', 'threshold', 'help'];

describe('keys', () => {
  test('no key means two things in one place', () => {
    for (const scope of SCOPES) {
      const keys = bindings.filter((each) => each.scope === scope).flatMap((each) => each.keys);
      expect(new Set(keys).size).toBe(keys.length);
    }
  });

  test('help and quit are everywhere, save where they are text', () => {
    for (const scope of SCOPES) {
      const typing = scope === 'search' || scope === 'threshold';
      expect(actionOf(scope, 'q')).toBe(typing ? undefined : 'quit');
      expect(actionOf(scope, 'ctrl-c')).toBe('quit');
      expect(
        hints(scope)
          .map(({ hint }) => hint)
          .includes('quit'),
      ).toBe(!typing);
    }
  });

  test.each([
    [{ upArrow: true }, 'up'],
    [{ tab: true, shift: true }, 'shift-tab'],
    [{ delete: true }, 'backspace'], // what most terminals' backspace sends
    [{ ctrl: true }, 'ctrl-x'],
    [{}, 'x'],
  ])('%o is %s', (key, name) => {
    expect(keyName('x', key)).toBe(name);
  });

  test('typing adds characters, nothing else', () => {
    expect([...'1é🙂'].reduce(typed, '')).toBe('1é🙂');
    expect(typed('1🙂', 'backspace')).toBe('1');
    expect(typed('12', 'ctrl-u')).toBe('');
    for (const name of ['up', 'esc', '\u0007', '\u202e']) expect(typed('1', name)).toBe('1');
  });
});

describe('layout', () => {
  test('the rows of every terminal are shared out, all of them, with a graph that can be read', () => {
    fc.assert(
      fc.property(fc.integer({ min: ROWS_LEAST, max: 200 }), fc.nat(500), (rows, servers) => {
        const { figures, graph, tables, alerts } = serverLayout(rows);
        expect(figures + graph + tables + alerts).toBe(bodyRows(rows));
        expect(graph).toBeGreaterThanOrEqual(5);
        expect(alerts).toBeGreaterThanOrEqual(3);
        const list = listLayout(rows, servers);
        expect(list.list + list.alerts).toBe(bodyRows(rows));
      }),
    );
  });

  test('of many tabs the first and those around the chosen one are shown', () => {
    const tabs = Array.from({ length: 100 }, (_, index) => ({
      id: `${index}`,
      label: `web-${index}`,
      chosen: index === 50,
      firing: false,
    }));
    const shown = tabsWithin(tabs, 32).map(({ id }) => Number(id));
    expect(shown).toEqual([0, 49, 50, 51]);
  });
});

/** What a terminal shows of absolute movements, erasing and text: all that the painter uses. */
class Terminal extends EventEmitter {
  columns = 20;
  rows = 5;
  writable = true;
  cells = new Map<number, string>();
  written = '';

  write(text: string): boolean {
    this.written += text;
    let row = 0;
    for (const [, control, plain] of text.matchAll(/(\u001b\[[0-9;?]*[a-zA-Z])|([^\u001b]+)/g)) {
      const place = /^\u001b\[(\d+);1H$/.exec(control ?? '');
      if (place) row = Number(place[1]) - 1;
      else if (control === '\u001b[J')
        for (const each of [...this.cells.keys()]) if (each >= row) this.cells.delete(each);
      if (plain !== undefined) this.cells.set(row, plain);
    }
    return true;
  }

  get screen(): string[] {
    return Array.from({ length: Math.max(0, ...this.cells.keys()) + 1 }, (_, row) => this.cells.get(row) ?? '');
  }
}

describe('painter', () => {
  const open = () => {
    const terminal = new Terminal();
    const painter = new Painter(terminal as unknown as NodeJS.WriteStream);
    painter.enter();
    return { terminal, painter };
  };

  test('any frames one after the other leave the last one on the screen', () => {
    const frame = fc.array(fc.constantFrom('a', 'bb', 'ccc'), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(frame, { minLength: 1 }), (frames) => {
        const { terminal, painter } = open();
        for (const lines of frames) painter.write(lines.join('\n'));
        expect(terminal.screen).toEqual(frames.at(-1));
        painter.leave();
      }),
    );
  });

  test('what did not change is not written again, until a resize', () => {
    const { terminal, painter } = open();
    painter.write('one\ntwo');
    terminal.written = '';
    painter.write('one\ntwo');
    expect(terminal.written).toBe('');
    painter.write('one\n2');
    expect(terminal.written).not.toContain('one');
    terminal.emit('resize');
    painter.write('one\n2');
    expect(terminal.written).toContain('one');
    painter.leave();
  });

  test('a line as wide as the terminal is not erased after', () => {
    const { terminal, painter } = open();
    painter.write('x'.repeat(20));
    expect(terminal.written).not.toContain('\u001b[K');
    painter.leave();
  });

  test('the terminal is given back once, and nothing is written afterwards', () => {
    const { terminal, painter } = open();
    painter.leave();
    expect(terminal.written.endsWith('\u001b[?7h\u001b[?25h\u001b[?1049l')).toBe(true);
    const { length } = terminal.written;
    painter.leave();
    painter.write('late');
    expect(terminal.written).toHaveLength(length);
    expect(terminal.listenerCount('resize')).toBe(0);
  });
});

describe('push', () => {
  const event = (change: object) =>
    ({
      type: 'TRIGGERED',
      at: '2026-01-01T00:00:00Z',
      recordedAt: '2026-01-01T00:00:00Z',
      agentName: 'web-1',
      message: 'High traffic generated an alert',
      flappingUntil: null,
      ...change,
    }) as AlertEventCard;
  const soon = Date.UTC(2026, 0, 1, 0, 0, 30);

  test('only what fires, and has just been recorded', () => {
    expect(pushText([event({})], soon)).toBe('web-1: High traffic generated an alert');
    expect(pushText([event({}), event({})], soon)).toBe('web-1 and 1 more: High traffic generated an alert');
    expect(pushText([event({ type: 'RECOVERED' })], soon)).toBeNull();
    expect(pushText([event({ type: 'NO_DATA' })], soon)).toBe('web-1: High traffic generated an alert');
    expect(pushText([event({})], soon + 300_000)).toBeNull();
    expect(pushText([event({ flappingUntil: '2026-01-01T00:15:00Z' })], soon)).toBeNull();
  });

  test('not what an old file tells while it is read', () => {
    expect(pushText([event({ at: '2025-12-31T23:45:01Z' })], soon)).not.toBeNull();
    expect(pushText([event({ at: '2025-12-31T23:45:00Z' })], soon)).toBeNull();
  });

  test('a name cannot end the sequence, or begin another', () => {
    const text = pushText([event({ agentName: 'a\u0007\u001b]52;c;eA==\u0007b\u009c\u001b[2J' })], soon)!;
    expect(text).toBe('ab: High traffic generated an alert');
  });

  test('the bell and the notification are written while the screen is open', () => {
    let written = '';
    const terminal = Object.assign(new EventEmitter(), {
      columns: 80,
      rows: 24,
      writable: true,
      write: (text: string) => (written += text),
    });
    const painter = new Painter(terminal as unknown as NodeJS.WriteStream);
    painter.push('early');
    expect(written).toBe('');
    painter.enter();
    painter.push('now');
    painter.leave();
    expect(written).toContain('\u0007\u001b]9;now\u0007');
  });
});
