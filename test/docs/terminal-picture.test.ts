import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { root } from './markdown.js';
import { terminalPicture } from './terminal-picture.js';

it('the picture in the README is what the command prints: `npm run picture` draws it again', async () => {
  expect(await terminalPicture()).toBe(readFileSync(`${root}docs/terminal.svg`, 'utf8'));
});
