import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { ArgumentError } from '../../src/oci/errors.js';
import { formatImageLocation, parseImageLocation, type ImageLocation } from '../../src/oci/image-location.js';
import {
  familiarReference,
  formatReference,
  parseReference,
  withDefaultTag,
  type Reference,
} from '../../src/oci/reference.js';

const digest = fc.oneof(
  fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`),
  fc.stringMatching(/^[0-9a-f]{128}$/).map((hex) => `sha512:${hex}`),
);
const tag = fc.stringMatching(/^\w[\w.-]{0,127}$/);
/** No dot in the first part: it would be read as a host. */
const path = fc.stringMatching(
  /^[a-z0-9]{1,5}((_|__|-{1,3})[a-z0-9]{1,3}){0,2}(\/[a-z0-9]{1,5}([._-][a-z0-9]{1,3}){0,2}){0,3}$/,
);
const port = fc.integer({ min: 1, max: 65_535 }).map((number) => `:${number}`);
const host = fc.oneof(
  fc.constantFrom(
    'docker.io',
    'index.docker.io',
    'localhost',
    'oci',
    'REGISTRY',
    'public.ecr.aws',
    '127.0.0.1',
  ),
  fc.stringMatching(/^[a-zA-Z0-9]([a-zA-Z0-9-]{0,4}[a-zA-Z0-9])?(\.[a-zA-Z0-9]{1,4}){1,2}$/),
  fc
    .ipV6()
    .filter((address) => !address.includes('.'))
    .map((address) => `[${address}]`),
);
const optional = (prefix: string, arbitrary: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant(''),
    arbitrary.map((text) => prefix + text),
  );
const reference = fc
  .tuple(
    fc.oneof(
      fc.constant(''),
      fc.tuple(host, optional('', port)).map((parts) => `${parts.join('')}/`),
    ),
    path,
    optional(':', tag),
    optional('@', digest),
  )
  .map((parts) => parts.join(''));
/** Texts similar to references: parts and separators in any order. */
const nearly = fc
  .array(
    fc.oneof(
      host,
      path,
      tag,
      digest,
      port,
      fc.constantFrom(
        '/',
        ':',
        '@',
        '.',
        '-',
        '[',
        ']',
        'oci:',
        'docker://',
        'A',
        '%2e',
        '..',
        '\\',
        '\n',
        ' ',
        'é',
        '\u0000',
      ),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));
const anyText = fc.oneof(reference, nearly, fc.string());

function orRefused<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return undefined;
  }
}

it('every reference of the grammar is parsed, except an image ID', () => {
  fc.assert(
    fc.property(reference, (text) => {
      fc.pre(!/^[0-9a-f]{64}$/.test(text));
      expect(
        formatReference(parseReference(text)).endsWith(text.replace(/^(index\.)?docker\.io\//, '')),
      ).toBe(true);
    }),
  );
});

it('any text is parsed as a reference that round-trips, short or in full, or is rejected', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const read = orRefused(() => parseReference(text));
      if (read === undefined) return;
      expect(parseReference(formatReference(read))).toStrictEqual(read);
      expect(parseReference(familiarReference(read))).toStrictEqual(read);
      expect(familiarReference(read).length).toBeLessThanOrEqual(formatReference(read).length);
    }),
    { numRuns: 1000 },
  );
});

it('a parsed reference cannot change the path of a URL', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const read = orRefused(() => parseReference(text));
      if (read === undefined) return;
      const selector: string = read.digest ?? read.tag ?? 'latest';
      expect(new URL(`http://host/v2/${read.path}/manifests/${selector}`).pathname).toBe(
        `/v2/${read.path}/manifests/${selector}`,
      );
      expect(read.registry).toMatch(/^[\w.:[\]-]+$/);
    }),
    { numRuns: 1000 },
  );
});

it('the default tag is added once, and only without tag and digest', () => {
  fc.assert(
    fc.property(reference, (text) => {
      const read: Reference | undefined = orRefused(() => parseReference(text));
      if (read === undefined) return;
      const full = withDefaultTag(read);
      expect(withDefaultTag(full)).toStrictEqual(full);
      expect(full.tag === undefined && full.digest === undefined).toBe(false);
      if (read.tag !== undefined || read.digest !== undefined) expect(full).toStrictEqual(read);
    }),
  );
});

it('any location round-trips, or is rejected', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyText,
        anyText.map((text) => `oci:${text}`),
      ),
      (text) => {
        const location = orRefused(() => parseImageLocation(text));
        if (location === undefined) return;
        expect(parseImageLocation(formatImageLocation(location))).toStrictEqual(location);
      },
    ),
    { numRuns: 1000 },
  );
});

it('every layout directory round-trips, with a tag, a digest or alone', () => {
  const directory = fc
    .oneof(nearly, fc.string())
    .filter((text) => text !== '' && !text.startsWith('//') && !text.endsWith('/'));
  const image = fc.oneof(
    fc.constant({}),
    tag.map((text) => ({ tag: text })),
    digest.map((text) => ({ digest: text })),
  );
  fc.assert(
    fc.property(directory, image, (text, selector) => {
      const location = { transport: 'oci', path: text, ...selector } as ImageLocation;
      expect(parseImageLocation(formatImageLocation(location))).toStrictEqual(location);
    }),
    { numRuns: 1000 },
  );
});
