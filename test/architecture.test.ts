import { readdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { codeSpans, page, sections } from './docs/markdown.js';

const SOURCE = fileURLToPath(new URL('../src', import.meta.url));

/** The rooms that each room may import, and the packages that are its alone. What is not listed is not allowed. */
const ROOMS: Readonly<Record<string, { readonly rooms: readonly string[]; readonly packages: RegExp }>> = {
  oci: { rooms: [], packages: /^(node:(crypto|util)|jsonc-parser)$/ },
  files: { rooms: ['oci'], packages: /^node:/ },
  content: { rooms: ['oci'], packages: /^node:(async_hooks|crypto|events|stream)/ },
  cache: { rooms: ['files', 'content', 'oci'], packages: /^node:(crypto|fs|path)/ },
  http: { rooms: ['files', 'content', 'oci'], packages: /^(node:|got$)/ },
  auth: { rooms: ['http', 'files', 'content', 'oci'], packages: /^(node:|@aws-sdk\/|jsonc-parser$)/ },
  registry: { rooms: ['auth', 'http', 'content', 'oci'], packages: /^node:(http|stream|timers|util)/ },
  layout: { rooms: ['files', 'content', 'oci'], packages: /^(node:(?!https?$|net$|tls$)|tar\/|p-limit$)/ },
  drafts: { rooms: ['files', 'oci'], packages: /^node:(crypto|fs|os|path|util)/ },
  assemble: {
    rooms: ['drafts', 'files', 'content', 'oci'],
    packages: /^(node:(crypto|fs|path|timers|util)|yaml$)/,
  },
  publish: { rooms: ['drafts', 'content', 'oci'], packages: /^node:(crypto|stream)/ },
  client: {
    rooms: [
      'publish',
      'assemble',
      'drafts',
      'layout',
      'registry',
      'auth',
      'http',
      'cache',
      'files',
      'content',
      'oci',
    ],
    packages: /^(node:(fs|os|path|util)|p-limit$)/,
  },
  cli: {
    rooms: ['client', 'publish', 'assemble', 'drafts', 'auth', 'http', 'cache', 'files', 'content', 'oci'],
    packages: /^(node:|jsonc-parser$|ora$|picocolors|yargs)/,
  },
};

interface Import {
  readonly from: string;
  /** A file below `src` without its extension, or the name of a package. */
  readonly to: string;
  readonly isPackage: boolean;
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !file.endsWith('.d.ts'));
const imports = files.flatMap(importsOf);

/** Static, dynamic and type-only imports alike. */
function importsOf(file: string): Import[] {
  const found = read(file).matchAll(/(?:^(?:import|export)\b[^'";]*?\bfrom|\bimport\()\s*'([^']+)'/gm);
  return Array.from(found, ([, specifier = '']) => {
    const isPackage = !specifier.startsWith('.');
    const to = isPackage ? specifier : posix.join(posix.dirname(file), specifier).replace(/\.js$/, '');
    return { from: file, to, isPackage };
  });
}

function read(file: string): string {
  return readFileSync(`${SOURCE}/${file}`, 'utf8');
}

/** The room of a file; undefined for `index.ts`, which exports from all, and for `environment.ts` and `version.ts`, which all may import. */
function roomOf(file: string): string | undefined {
  return file.includes('/') ? file.slice(0, file.indexOf('/')) : undefined;
}

describe('the layers', () => {
  it.each(Object.entries(ROOMS))('%s imports only what is below it', (room, allowed) => {
    const wrong = imports.filter(({ from, to, isPackage }) => {
      if (roomOf(from) !== room) return false;
      if (isPackage) return !allowed.packages.test(to);
      const other = roomOf(to);
      return other === undefined ? to === 'index' : other !== room && !allowed.rooms.includes(other);
    });

    expect(wrong.map(({ from, to }) => `${from} imports ${to}`)).toEqual([]);
  });

  it('has a rule for every room', () => {
    expect([...new Set(files.flatMap((file) => roomOf(file) ?? []))].toSorted()).toEqual(
      Object.keys(ROOMS).toSorted(),
    );
  });
});

describe('the folders', () => {
  const folders = [...new Set(files.map((file) => posix.dirname(file)))].filter((folder) =>
    folder.includes('/'),
  );

  /** The doc comments that describe a folder: those at the top of a file of it that end with `@module FOLDER`. */
  function descriptions(folder: string): string[] {
    return files
      .filter((file) => posix.dirname(file) === folder)
      .flatMap((file) => {
        const [, text = '', module] =
          /^\/\*\*\n((?: \*.*\n)+?) \* @module (.+)\n \*\/\n/.exec(read(file)) ?? [];
        return module === folder ? [text.replaceAll(/\n \* ?/g, ' ')] : [];
      });
  }

  it.each(folders)('%s has one doc comment, which says what it is for', (folder) => {
    expect(descriptions(folder)).toHaveLength(1);
  });

  it.each(folders)('%s is entered only by the files that its doc comment offers', (folder) => {
    const [, offered = ''] = /Offers ([^.]*)\./.exec(descriptions(folder).join('')) ?? [];
    const entered = imports
      .filter(({ from, to }) => posix.dirname(to) === folder && posix.dirname(from) !== folder)
      .map(({ to }) => posix.basename(to));

    expect([...new Set(entered)].toSorted()).toEqual(offered.split(', ').toSorted());
  });
});

describe('docs/architecture.md', () => {
  const chapters = sections(page('docs/architecture.md').text, 2);
  const rowsOf = (chapter: string): string[][] => {
    const text = chapters.find(({ title }) => title === chapter)?.text ?? '';
    return [...text.matchAll(/^\| `.*$/gm)].map(([row]) => row.split('|').slice(1, -1));
  };

  it('states the purpose of each folder, and names no other', () => {
    const named = rowsOf('Rooms').flatMap(([folder = '']) => codeSpans(folder));
    const folders = new Set(files.map((file) => posix.dirname(file)));
    folders.delete('.');
    expect(named.toSorted()).toEqual([...folders].toSorted());
  });

  it('lists the rooms that each room may import', () => {
    const listed = rowsOf('Imports').map(([room = '', rooms = '']) => [codeSpans(room)[0], codeSpans(rooms)]);
    expect(Object.fromEntries(listed)).toEqual(
      Object.fromEntries(Object.entries(ROOMS).map(([room, { rooms }]) => [room, rooms])),
    );
  });

  it('refers only to folders that exist', () => {
    const text = chapters.find(({ title }) => title === 'Where to find things')?.text ?? '';
    const named = [...text.matchAll(/^\|.*\|(.*)\|$/gm)].flatMap(([, cell = '']) => codeSpans(cell));
    const existing = new Set(['schemas/', ...files.map((file) => posix.dirname(file))]);
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((folder) => !existing.has(folder))).toEqual([]);
  });
});
