import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { expect, it } from 'vitest';

import { root } from '../docs/markdown.js';

/** A top-level declaration, with its name. */
const DECLARATION =
  /^(?:export )?(?:declare )?(?:abstract )?(?:var|let|const|function|class|interface|type|enum|namespace) (\w+)/gm;

function declaredNames(path: string): string[] {
  return [...readFileSync(path, 'utf8').matchAll(DECLARATION)].flatMap(([, name]) => name ?? []);
}

/** The declarations of ECMAScript and the DOM that come with TypeScript; API Extractor includes a copy of them. */
function libraryFiles(): string[] {
  const ofProject = createRequire(import.meta.url);
  const ofExtractor = createRequire(ofProject.resolve('@microsoft/api-extractor'));
  const directory = dirname(ofExtractor.resolve('typescript'));
  return readdirSync(directory)
    .filter((name) => /^lib\.(?:es|dom|decorators).*\.d\.ts$/.test(name))
    .map((name) => join(directory, name));
}

it('exports no name of a global of ECMAScript or the DOM', () => {
  const globals = new Set(libraryFiles().flatMap(declaredNames));
  expect([...globals]).toEqual(expect.arrayContaining(['Array', 'Credential', 'ErrorOptions', 'fetch']));
  const exported = declaredNames(join(root, 'dist', 'index.d.ts'));
  expect(exported).toContain('Multiarch');
  expect(exported.filter((name) => globals.has(name))).toEqual([]);
});
