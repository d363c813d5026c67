// Goal: colours mean something and can be turned off. Method: the same page with and without NO_COLOR, with Ink
// believing in a terminal of sixteen colours.
import { expect, test } from '@jest/globals';

process.env.FORCE_COLOR = '1';
const { openApp } = await import('../support/tui-app.js');

const COLOUR = /\u001b\[(?:3[0-7]|4[0-7]|9[0-7]|10[0-7])m/;

test('colours, unless NO_COLOR is set', async () => {
  for (const [env, coloured] of [
    [{}, true],
    [{ NO_COLOR: '' }, true], // empty is not set (no-color.org)
    [{ NO_COLOR: '1' }, false],
  ] as const) {
    const app = await openApp({ env });
    await app.press('2');
    await app.see('FIRING');
    expect(COLOUR.test(app.text())).toBe(coloured);
    // What is chosen and what fires is told without colours too.
    expect(app.text()).toContain('\u001b[7m');
    app.close();
  }
});
