import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseAssembly } from '../../../src/assemble/assembly-file.js';
import { parseInlineDescriptor } from '../../../src/assemble/inline-descriptor.js';
import { expandTemplate, fillBarePlaceholders, isTemplate } from '../../../src/assemble/template.js';
import { ArgumentError, InvalidError } from '../../../src/oci/errors.js';
import { parseImageLocation } from '../../../src/oci/image-location.js';
import { parsePlatform } from '../../../src/oci/platform.js';
import { changedJson } from '../changed-json.js';
import { anyDescriptor, anyIndex } from '../documents.js';
import { orError, property, textOf, type Target } from '../property.js';

/** Checks that all errors are typed, and that every YAML problem has a position. */
async function survives(text: string): Promise<'read' | 'rejected'> {
  try {
    assert((await parseAssembly(text, 'file')).images.length > 0);
    return 'read';
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    assert(error.message.includes('file'));
    for (const { message } of error.problems) {
      if (error.message.includes('not valid YAML')) assert.match(message, /^line \d+, column \d+: ./);
    }
    return 'rejected';
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

/** The same as JSON, which is YAML. */
const ASSEMBLY = {
  target: 'registry.example.com/team/app:1.2',
  tags: ['latest', '1.2'],
  format: 'oci',
  annotations: { title: 'app' },
  attestations: 'keep',
  require: ['linux/amd64'],
  images: [
    { source: 'app:1.2-{arch}', platforms: ['linux/amd64', 'linux/arm64'], annotations: { a: 'b' } },
    { source: 'app:1.2-arm', platform: { os: 'linux', architecture: 'arm', variant: 'v7' } },
    { source: 'oci:dir:1', platform: 'linux/s390x' },
  ],
};

const SPEC = {
  image: 'registry.example.com/team/app:1.2',
  tags: ['latest'],
  manifests: [
    { image: 'app:1.2-ARCH', platform: { architecture: 'amd64', os: 'linux' } },
    { image: 'app:1.2-OS-ARCHVARIANT', platform: { architecture: 'arm', os: 'linux', variant: 'v7' } },
    {
      image: 'app:win',
      platform: { architecture: 'amd64', os: 'windows', osversion: '10.0', osfeatures: ['a'] },
    },
  ],
};

const BOTH = ['read', 'rejected'] as const;

/** Block style, as people write it, of the JSON value. */
function blockStyle(value: unknown, indent = ''): string {
  if (typeof value !== 'object' || value === null) return ` ${JSON.stringify(value)}\n`;
  if (Array.isArray(value)) {
    const items = value.map((item) => `${indent}-${blockStyle(item, `${indent}  `)}`);
    return items.length === 0 ? ' []\n' : `\n${items.join('')}`;
  }
  const members = Object.entries(value).map(
    ([name, member]) => `${indent}${JSON.stringify(name)}:${blockStyle(member, `${indent}  `)}`,
  );
  return members.length === 0 ? ' {}\n' : `\n${members.join('')}`;
}

export const assemblyFile: Target = {
  name: 'assembly-file',
  properties: [
    property(
      'any text that looks like YAML is read or rejected',
      [
        textOf(
          [
            ...Array.from('{}[]:,-?&*!|>%@`"\'# \n\t\\ab1<~.\u0000\u2028'),
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
          ],
          60,
        ),
      ],
      survives,
      { batch: 500 },
    ),
    property(
      'a valid file with damaged text is read or rejected',
      [fc.nat(GOOD.length), fc.nat(4), fc.string({ maxLength: 3 })],
      (at, length, put) => survives(GOOD.slice(0, at) + put + GOOD.slice(at + length)),
      { batch: 100, reaches: BOTH },
    ),
    property(
      'a file with changed values is read or rejected, with the same images in JSON and in block style',
      [changedJson(fc.constantFrom<unknown>(ASSEMBLY, SPEC))],
      async (value) => {
        const text = JSON.stringify(value);
        const outcome = await survives(text);
        if (outcome === 'rejected') return outcome;
        assert.deepEqual(await parseAssembly(blockStyle(value), 'file'), await parseAssembly(text, 'file'));
        return outcome;
      },
      { batch: 200, reaches: BOTH },
    ),
    property(
      'a changed list of descriptors is read or rejected',
      [changedJson(fc.oneof(anyIndex, fc.array(anyDescriptor, { maxLength: 3 }), anyDescriptor))],
      (value) => survives(JSON.stringify(value)),
      { reaches: BOTH },
    ),
    property(
      'a changed descriptor as a source is read with its digest, or rejected',
      [changedJson(anyDescriptor)],
      (value) => {
        const read = orError(ArgumentError, () =>
          orError(InvalidError, () => parseInlineDescriptor(JSON.stringify(value))),
        );
        if (read instanceof Error) return 'rejected';
        assert.equal(read.source, (value as { readonly digest: unknown }).digest);
        return 'read';
      },
      { reaches: BOTH },
    ),
  ],
};

const PARTS = ['{os}', '{arch}', '{variant}', '{platform}', '{ARCH}', 'x', '1', '-', '.', '/', ':'];
const part = fc.constantFrom(...PARTS);
const platform = fc
  .constantFrom('linux/amd64', 'linux/arm/v7', 'linux/arm64', 'windows/amd64', 'linux/arm64/v8')
  .map((text) => parsePlatform(text));
const nameParts = fc.array(
  fc.tuple(
    fc.constantFrom('-', '.', '_'),
    fc.constantFrom('a', '1', '{os}', '{arch}', '{variant}', '{platform}'),
  ),
  { maxLength: 4 },
);

export const template: Target = {
  name: 'template',
  properties: [
    property(
      'all placeholders are replaced, with one source for each platform, of linear size',
      [fc.array(part), fc.array(platform, { minLength: 1 })],
      (parts, platforms) => {
        const text = parts.join('');
        const sources = expandTemplate(text, platforms);
        assert.deepEqual(
          sources.map((source) => source.platform),
          platforms,
        );
        for (const { source } of sources) {
          assert(!isTemplate(source));
          assert(source.length <= text.length * 4);
        }
      },
    ),
    property(
      'references are valid with and without a variant, for any position of a placeholder',
      [nameParts, nameParts, platform],
      (inPath, inTag, given) => {
        const text = `team/app${inPath.flat().join('')}:1${inTag.flat().join('')}`;
        for (const { source } of expandTemplate(text, [given])) {
          assert.equal(parseImageLocation(source).transport, 'registry');
        }
      },
    ),
    property(
      'without a variant in template or platform, each placeholder is its part of the platform',
      [fc.array(fc.constantFrom('{os}', '{arch}', '{platform}', 'x', '-', '.'), { maxLength: 8 }), platform],
      (parts, given) => {
        const { os, architecture, variant } = given;
        const values: Readonly<Record<string, string>> = {
          '{os}': os,
          '{arch}': architecture,
          '{platform}': [os, architecture, ...(variant === undefined ? [] : [variant])].join('-'),
        };
        const [source] = expandTemplate(parts.join(''), [given]);
        assert.equal(source?.source, parts.map((text) => values[text] ?? text).join(''));
      },
    ),
    property(
      'any text is expanded or rejected with a hint',
      [textOf([...PARTS, '{', '}', '{x}', '{}']), fc.array(platform)],
      (given, platforms) => {
        const sources = orError(ArgumentError, () => expandTemplate(given, platforms));
        if (!(sources instanceof ArgumentError)) return 'expanded';
        assert(sources.hint !== undefined);
        return 'rejected';
      },
      { reaches: ['expanded', 'rejected'] },
    ),
    property(
      'the placeholders of manifest-tool are replaced, of linear size',
      [textOf(['ARCH', 'OS', 'VARIANT', 'MACOS', '{arch}', '-', 'a', ':', 'ARCHX']), platform],
      (text, given) => {
        const filled = fillBarePlaceholders(text, given);
        assert(filled.length <= text.length * 4);
        if (!/[A-Z{]/.test(text)) assert.equal(filled, text);
      },
    ),
  ],
};
