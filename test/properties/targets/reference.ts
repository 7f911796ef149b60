import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { ArgumentError } from '../../../src/oci/errors.js';
import {
  formatImageLocation,
  parseImageLocation,
  type ImageLocation,
} from '../../../src/oci/image-location.js';
import {
  familiarReference,
  formatReference,
  parseReference,
  withDefaultTag,
} from '../../../src/oci/reference.js';
import { isRefName } from '../../../src/oci/ref-name.js';
import { optional, orError, property, textOf, type Target } from '../property.js';

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
const grammatical = fc
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
const anyText = fc.oneof(grammatical, nearly, fc.string());

const layoutPath = fc
  .oneof(nearly, fc.string())
  .filter((text) => text !== '' && !text.startsWith('//') && !text.endsWith('/'));
const selector = fc.oneof(
  fc.constant({}),
  tag.map((text) => ({ tag: text })),
  digest.map((text) => ({ digest: text })),
);

export const reference: Target = {
  name: 'reference',
  properties: [
    property('every reference of the grammar is parsed, except an image ID', [grammatical], (text) => {
      fc.pre(!/^[0-9a-f]{64}$/.test(text));
      assert(formatReference(parseReference(text)).endsWith(text.replace(/^(index\.)?docker\.io\//, '')));
    }),
    property(
      'any text is parsed as a reference that round-trips, short or in full, or is rejected',
      [anyText],
      (text) => {
        const read = orError(ArgumentError, () => parseReference(text));
        if (read instanceof ArgumentError) return 'rejected';
        assert.deepEqual(parseReference(formatReference(read)), read);
        assert.deepEqual(parseReference(familiarReference(read)), read);
        assert(familiarReference(read).length <= formatReference(read).length);
        return 'read';
      },
      { batch: 1000, reaches: ['rejected', 'read'] },
    ),
    property(
      'a parsed reference cannot change the path of a URL',
      [anyText],
      (text) => {
        const read = orError(ArgumentError, () => parseReference(text));
        if (read instanceof ArgumentError) return;
        const pathname: string = `/v2/${read.path}/manifests/${read.digest ?? read.tag ?? 'latest'}`;
        assert.equal(new URL(`http://host${pathname}`).pathname, pathname);
        assert.match(read.registry, /^[\w.:[\]-]+$/);
      },
      { batch: 1000 },
    ),
    property('the default tag is added once, and only without tag and digest', [grammatical], (text) => {
      const read = orError(ArgumentError, () => parseReference(text));
      if (read instanceof ArgumentError) return;
      const full = withDefaultTag(read);
      assert.deepEqual(withDefaultTag(full), full);
      assert(full.tag !== undefined || full.digest !== undefined);
      if (read.tag !== undefined || read.digest !== undefined) assert.deepEqual(full, read);
    }),
  ],
};

export const location: Target = {
  name: 'location',
  properties: [
    property(
      'any location round-trips, or is rejected',
      [
        fc
          .tuple(
            fc.constantFrom('', 'oci:', 'oci-archive:', 'docker-archive:', 'docker-daemon:', 'oci-layout://'),
            anyText,
          )
          .map((parts) => parts.join('')),
      ],
      (text) => {
        const read = orError(ArgumentError, () => parseImageLocation(text));
        if (read instanceof ArgumentError) return 'rejected';
        assert.deepEqual(parseImageLocation(formatImageLocation(read)), read);
        return read.transport;
      },
      { batch: 1000, reaches: ['rejected', 'registry', 'oci', 'oci-archive', 'docker-archive'] },
    ),
    property(
      'every layout directory round-trips, with a tag, a digest or alone',
      [layoutPath, selector],
      (directory, chosen) => {
        const layout = { transport: 'oci', path: directory, ...chosen } as ImageLocation;
        assert.deepEqual(parseImageLocation(formatImageLocation(layout)), layout);
      },
      { batch: 1000 },
    ),
    property(
      'a tag in a layout is a name by the grammar of the image-spec, or a tag of a registry',
      [
        fc.oneof(
          fc.stringMatching(/^[A-Za-z0-9]([-._:@+/]{0,2}[A-Za-z0-9]{1,2}){0,6}$/),
          textOf(['a', 'Z', '9', '-', '--', '.', '_', ':', '@', '+', '/', 'sha256:', ' '], 10),
          digest.map((text) => `app@${text}`),
        ),
      ],
      (text) => {
        const isDigest = /(^|@)(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/.test(text);
        const expected = !isDigest && (matchesGrammar(text) || /^\w[\w.-]{0,127}$/.test(text));
        assert.equal(isRefName(text), expected);
        return expected ? 'name' : 'other';
      },
      { batch: 500, reaches: ['name', 'other'] },
    ),
  ],
};

/** Reads the grammar of "org.opencontainers.image.ref.name" character by character. */
function matchesGrammar(text: string): boolean {
  return text.split('/').every((component) => {
    const separators = component.split(/[A-Za-z0-9]+/);
    const isJoined = separators.slice(1, -1).every((one) => one === '--' || /^[-._:@+]$/.test(one));
    return component !== '' && separators[0] === '' && separators.at(-1) === '' && isJoined;
  });
}
