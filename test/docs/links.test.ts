import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

import { expect, it } from 'vitest';

import { anchorOf, pages, proseOf, root, type Page } from './markdown.js';

/** A link to a file of the repository or to a heading of a page. */
interface Link {
  readonly page: string;
  readonly target: string;
}

function linksOf(page: Page): Link[] {
  return [...proseOf(page).matchAll(/\]\(([^()\s]+)\)/g)]
    .map(([, target = '']) => ({ page: page.path, target }))
    .filter(({ target }) => !/^[a-z]+:/.test(target));
}

/** The path of a link's file, relative to the top folder. */
function pathOf(page: string, file: string): string {
  return relative(root, join(root, dirname(page), file)).replaceAll('\\', '/');
}

function isBroken({ page, target }: Link): boolean {
  const [file = '', anchor] = target.split('#');
  const path = file === '' ? page : pathOf(page, file);
  if (path.startsWith('..') || !existsSync(join(root, path))) return true;
  if (anchor === undefined) return false;
  const text = proseOf({ path, text: readFileSync(join(root, path), 'utf8') });
  return ![...text.matchAll(/^#+ (.*)$/gm)].some(([, heading = '']) => anchorOf(heading) === anchor);
}

it('every link within the repository has a target', () => {
  const links = pages().flatMap(linksOf);
  expect(links.length).toBeGreaterThan(15);
  expect(links.filter(isBroken)).toEqual([]);
});

it('every page can be reached from docs/README.md', () => {
  const all = new Map(pages().map((page) => [page.path, page]));
  const reached = new Set(['docs/README.md']);
  // The loop also visits the pages that it adds.
  for (const path of reached) {
    const page = all.get(path);
    for (const link of page === undefined ? [] : linksOf(page)) {
      const [file = ''] = link.target.split('#');
      const target = pathOf(link.page, file);
      if (all.has(target)) reached.add(target);
    }
  }
  expect([...all.keys()].filter((path) => !reached.has(path))).toEqual([]);
});

it.each([
  ['docs/no-such-page.md', true],
  ['docs/drafts.md#no-such-heading', true],
  ['../../outside.md', true],
  ['docs/drafts.md#several-processes', false],
])('detects broken links: %s', (target, broken) => {
  expect(isBroken({ page: 'README.md', target })).toBe(broken);
});

it('test/README.md lists every file of test/support', () => {
  const text = readFileSync(join(root, 'test/README.md'), 'utf8');
  const listed = Array.from(text.matchAll(/^\| `([^`/]+\.m?[jt]s)`/gm), ([, name]) => name);
  const files = readdirSync(join(root, 'test/support')).filter(
    (name) => !/-main\.ts$|\.test\.ts$/.test(name),
  );
  expect(listed.toSorted()).toEqual(files.toSorted());
});
