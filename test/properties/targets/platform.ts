import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { ArgumentError } from '../../../src/oci/errors.js';
import { satisfiesPlatform, selectPlatform } from '../../../src/oci/platform-match.js';
import {
  formatPlatformFull,
  normalisePlatform,
  parsePlatform,
  platformKey,
  samePlatform,
  type LoosePlatform,
  type Platform,
} from '../../../src/oci/platform.js';
import { orError, property, type Target } from '../property.js';

const os = fc.constantFrom('linux', 'windows', 'darwin', 'macos', 'Linux', 'freebsd', 'unknown');
const architecture = fc.constantFrom(
  '386',
  'i386',
  'amd64',
  'x86_64',
  'arm',
  'armhf',
  'armel',
  'arm64',
  'aarch64',
  'ARM64',
  'riscv64',
  'unknown',
);
const variant = fc.constantFrom(
  '',
  'v1',
  'v2',
  'v5',
  '6',
  'v6',
  'v7',
  'v8',
  '8',
  'v8.1',
  'v8.0',
  'v9',
  '9.0',
  'v9.3',
  'other',
);
const option = fc.oneof(
  fc.constantFrom('10.0.17763.1', '10.0.20348.2', '10.0.26100', 'win32k', 'a+b', '50%'),
  fc.string(),
);
const words = fc.array(option, { maxLength: 3 });

const anyPlatform: fc.Arbitrary<Platform> = fc.record(
  { os, architecture, variant, 'os.version': option, 'os.features': words, features: words },
  { requiredKeys: ['os', 'architecture'] },
);
const loose: fc.Arbitrary<LoosePlatform> = fc.record(
  { os, architecture, variant, 'os.version': option, 'os.features': words },
  { requiredKeys: [] },
);

const pieces = fc
  .array(fc.oneof(os, architecture, variant, option, fc.constantFrom('/', '(', ')', '+', '%', '*', ' ')), {
    maxLength: 7,
  })
  .map((parts) => parts.join(''));

export const platform: Target = {
  name: 'platform',
  properties: [
    property(
      'the canonical form is an equal platform and idempotent',
      [fc.oneof(anyPlatform, loose)],
      (any) => {
        const canonical = normalisePlatform(any);
        assert.deepEqual(normalisePlatform(canonical), canonical);
        assert(samePlatform(any, canonical));
      },
    ),
    property('a formatted platform round-trips', [anyPlatform], (any) => {
      // CPU features are not in the text, and a lone surrogate has no UTF-8 bytes.
      const { features: _, ...written } = any;
      fc.pre([written['os.version'] ?? '', ...(written['os.features'] ?? [])].every(isWellFormed));
      const read = parsePlatform(formatPlatformFull(written));
      assert.equal(platformKey(read), platformKey(written));
    }),
    property(
      'any text is parsed as a platform that round-trips, or is rejected',
      [fc.oneof(pieces, fc.string())],
      (text) => {
        const read = orError(ArgumentError, () => parsePlatform(text));
        if (read instanceof ArgumentError) return 'rejected';
        assert(samePlatform(parsePlatform(formatPlatformFull(read)), read));
        return 'read';
      },
      { batch: 1000, reaches: ['rejected', 'read'] },
    ),
    property('a platform satisfies itself and equal ones, and a machine runs it', [anyPlatform], (any) => {
      assert(satisfiesPlatform(any, normalisePlatform(any)));
      assert(satisfiesPlatform(normalisePlatform(any), any));
      assert.equal(selectPlatform(any, [any]), 0);
    }),
    property(
      'the choice depends neither on incompatible candidates nor on the spelling',
      [anyPlatform, fc.array(fc.option(loose, { nil: undefined }), { maxLength: 8 })],
      (wanted, candidates) => {
        const chosen = selectPlatform(wanted, candidates);
        const runnable = candidates.filter((candidate) => selectPlatform(wanted, [candidate]) === 0);
        assert.equal(chosen === undefined, runnable.length === 0);
        const again = selectPlatform(
          normalisePlatform(wanted),
          candidates.map((candidate) => candidate && normalisePlatform(candidate)),
        );
        assert.equal(again, chosen);
        if (chosen !== undefined)
          assert.equal(runnable[selectPlatform(wanted, runnable) ?? -1], candidates[chosen]);
      },
    ),
    property(
      'the wanted platform itself is preferred',
      [anyPlatform, fc.array(loose, { maxLength: 8 })],
      (wanted, others) => {
        const { 'os.version': _, ...exact } = wanted;
        const index = selectPlatform(exact, [...others, exact]) ?? -1;
        const chosen = normalisePlatform([...others, exact][index] ?? {});
        const { architecture: cpu, variant: generation } = normalisePlatform(exact);
        assert.deepEqual([chosen.architecture, chosen.variant], [cpu, generation]);
      },
    ),
  ],
};

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
