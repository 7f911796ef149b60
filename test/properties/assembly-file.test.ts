import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { expandTemplate, isTemplate } from '../../src/assemble/template.js';
import { ArgumentError, InvalidError } from '../../src/oci/errors.js';
import { parseImageLocation } from '../../src/oci/image-location.js';
import { parsePlatform } from '../../src/oci/platform.js';

/** Checks that all errors are typed, and that every YAML problem has a position. */
async function survives(text: string): Promise<void> {
  try {
    expect((await parseAssembly(text, 'file')).images.length).toBeGreaterThan(0);
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    expect(error.message).toContain('file');
    for (const { message } of error.problems) {
      if (error.message.includes('not valid YAML')) expect(message).toMatch(/^line \d+, column \d+: ./);
    }
  }
}

const GOOD = `target: registry.example.com/team/app:1.2
tags: [latest, "1.2"]
annotations: &a {title: app}
require: [linux/amd64]
images:
  - {source: 'app:1.2-{arch}', platforms: [linux/amd64, linux/arm64], annotations: *a}
  - source: app:1.2-arm
    platform: {os: linux, architecture: arm, variant: v7}
`;

describe('parseAssembly', () => {
  it('reads or rejects any text that looks like YAML', async () => {
    const marks = Array.from('{}[]:,-?&*!|>%@`"\'# \n\t\\ab1<~.\u0000\u2028');
    const words = [
      'target: ',
      'images:\n',
      '  - source: ',
      'platforms',
      '{arch}',
      '<<: ',
      '*a',
      '&a ',
      '---\n',
      '!!',
    ];
    const text = fc.array(fc.oneof(fc.constantFrom(...marks, ...words), fc.string()), { maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(text, (parts) => survives(parts.join(''))),
      { numRuns: 1000 },
    );
  });

  it('reads or rejects a good file, damaged', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(GOOD.length), fc.nat(4), fc.string({ maxLength: 3 }), (at, length, put) =>
        survives(GOOD.slice(0, at) + put + GOOD.slice(at + length)),
      ),
      { numRuns: 1000 },
    );
  });

  it('reads or rejects any value of known members', async () => {
    const names = [
      'target',
      'images',
      'tags',
      'platform',
      'manifests',
      'image',
      'digest',
      'schemaVersion',
      'source',
    ];
    const value = fc.dictionary(
      fc.constantFrom(...names, '__proto__'),
      fc.oneof(
        fc.jsonValue({ maxDepth: 2 }),
        fc.array(fc.dictionary(fc.constantFrom(...names, 'platforms', 'os'), fc.jsonValue({ maxDepth: 1 }))),
      ),
    );
    await fc.assert(
      fc.asyncProperty(value, (given) => survives(JSON.stringify(given))),
      { numRuns: 500 },
    );
  });
});

const part = fc.constantFrom(
  '{os}',
  '{arch}',
  '{variant}',
  '{platform}',
  '{ARCH}',
  'x',
  '1',
  '-',
  '.',
  '/',
  ':',
);
const platform = fc
  .constantFrom('linux/amd64', 'linux/arm/v7', 'linux/arm64', 'windows/amd64', 'linux/arm64/v8')
  .map((text) => parsePlatform(text));

describe('expandTemplate', () => {
  it('replaces all placeholders, with one source for each platform', () => {
    fc.assert(
      fc.property(fc.array(part), fc.array(platform, { minLength: 1 }), (parts, platforms) => {
        const sources = expandTemplate(parts.join(''), platforms);
        expect(sources.map((source) => source.platform)).toEqual(platforms);
        for (const { source } of sources) expect(isTemplate(source)).toBe(false);
      }),
    );
  });

  it('gives valid references with and without a variant, for any position of a placeholder', () => {
    const word = fc.constantFrom('a', '1', '{os}', '{arch}', '{variant}', '{platform}');
    const tag = fc.array(fc.tuple(fc.constantFrom('-', '.', '_'), word), { maxLength: 4 });
    fc.assert(
      fc.property(tag, tag, platform, (inPath, inTag, given) => {
        const join = (words: readonly (readonly string[])[]): string => words.flat().join('');
        const text = `team/app${join(inPath)}:1${join(inTag)}`;
        for (const { source } of expandTemplate(text, [given])) {
          expect(parseImageLocation(source).transport).toBe('registry');
        }
      }),
    );
  });

  it('throws only ArgumentError', () => {
    const text = fc
      .array(fc.oneof(part, fc.string({ maxLength: 3 }), fc.constantFrom('{', '}')))
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, fc.array(platform), (given, platforms) => {
        try {
          expandTemplate(given, platforms);
        } catch (error) {
          if (!(error instanceof ArgumentError)) throw error;
          expect(error.hint).toBeDefined();
        }
      }),
    );
  });
});
