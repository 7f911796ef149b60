import { expect, it } from 'vitest';

import { mayColor } from '../../../src/cli/output/terminal.js';

it.each([
  [true, {}, true],
  [true, { TERM: 'xterm' }, true],
  [true, { NO_COLOR: '' }, true],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '0' }, false],
  [true, { TERM: 'dumb' }, false],
  [false, {}, false],
  [undefined, {}, false],
])('on a terminal: %s, with %j: %s', (isTTY, env, colored) => {
  expect(mayColor(isTTY === undefined ? {} : { isTTY }, env)).toBe(colored);
});
