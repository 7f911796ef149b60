import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { formatManPage } from '../../release/man/man-page.js';
import { manPages } from '../../release/man/man-pages.js';
import { root } from './markdown.js';

describe('the man pages', () => {
  it('are those that npm run man writes', async () => {
    const written = readdirSync(`${root}man`).filter((name) => name.endsWith('.1'));
    const pages = new Map(written.map((name) => [name, readFileSync(`${root}man/${name}`, 'utf8')]));
    expect(pages).toEqual(await manPages());
  });

  it('are installed with the package', () => {
    const { man } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { man: string[] };
    const written = readdirSync(`${root}man`).filter((name) => name.endsWith('.1'));
    expect(man.map((path) => path.replace('./man/', '')).toSorted()).toEqual(written.toSorted());
  });
});

describe('formatManPage', () => {
  it('escapes what man would read as requests, escape sequences and hyphens', () => {
    const page = {
      summary: 'a \\ b',
      sections: [{ title: 'Options', lines: ['.x', "'y"], rows: [{ left: '    --a-b "C"', text: '...' }] }],
    };
    expect(formatManPage({ name: 'm', page, version: '1', seeAlso: ['a', 'b'] })).toBe(
      [
        '.TH M 1 "" "multiarch 1"',
        '.SH NAME',
        'm \\- a \\e b',
        '.SH OPTIONS',
        '.nf',
        '\\&.x',
        '\\(aqy',
        '.fi',
        '.TP',
        '.B \\-\\-a\\-b \\(dqC\\(dq',
        '\\&...',
        '.SH SEE ALSO',
        '.BR a (1) ,',
        '.BR b (1)',
        '',
      ].join('\n'),
    );
  });
});
