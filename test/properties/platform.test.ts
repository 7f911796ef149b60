import * as fc from 'fast-check';
import { expect, it } from 'vitest';

import { ArgumentError } from '../../src/oci/errors.js';
import { satisfiesPlatform, selectPlatform } from '../../src/oci/platform-match.js';
import {
  formatPlatformFull,
  normalisePlatform,
  parsePlatform,
  platformKey,
  samePlatform,
  type LoosePlatform,
  type Platform,
} from '../../src/oci/platform.js';

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

const platform: fc.Arbitrary<Platform> = fc.record(
  { os, architecture, variant, 'os.version': option, 'os.features': words, features: words },
  { requiredKeys: ['os', 'architecture'] },
);
const loose: fc.Arbitrary<LoosePlatform> = fc.record(
  { os, architecture, variant, 'os.version': option, 'os.features': words },
  { requiredKeys: [] },
);

it('the canonical form is an equal platform and idempotent', () => {
  fc.assert(
    fc.property(fc.oneof(platform, loose), (any) => {
      const canonical = normalisePlatform(any);
      expect(normalisePlatform(canonical)).toStrictEqual(canonical);
      expect(samePlatform(any, canonical)).toBe(true);
    }),
  );
});

it('a formatted platform round-trips', () => {
  fc.assert(
    fc.property(platform, (any) => {
      // CPU features are not in the text, and a lone surrogate has no UTF-8 bytes.
      const { features: _, ...written } = any;
      fc.pre([written['os.version'] ?? '', ...(written['os.features'] ?? [])].every(isWellFormed));
      const read = parsePlatform(formatPlatformFull(written));
      expect(platformKey(read)).toBe(platformKey(written));
    }),
  );
});

it('any text is parsed as a platform that round-trips, or is rejected', () => {
  const pieces = fc
    .array(fc.oneof(os, architecture, variant, option, fc.constantFrom('/', '(', ')', '+', '%', '*', ' ')), {
      maxLength: 7,
    })
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(pieces, fc.string()), (text) => {
      let read: Platform;
      try {
        read = parsePlatform(text);
      } catch (error) {
        expect(error).toBeInstanceOf(ArgumentError);
        return;
      }
      expect(samePlatform(parsePlatform(formatPlatformFull(read)), read)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});

it('a platform satisfies itself and equal ones, and a machine runs it', () => {
  fc.assert(
    fc.property(platform, (any) => {
      expect(satisfiesPlatform(any, normalisePlatform(any))).toBe(true);
      expect(satisfiesPlatform(normalisePlatform(any), any)).toBe(true);
      expect(selectPlatform(any, [any])).toBe(0);
    }),
  );
});

it('the choice depends neither on incompatible candidates nor on the spelling', () => {
  fc.assert(
    fc.property(
      platform,
      fc.array(fc.option(loose, { nil: undefined }), { maxLength: 8 }),
      (wanted, candidates) => {
        const chosen = selectPlatform(wanted, candidates);
        const runnable = candidates.filter((candidate) => selectPlatform(wanted, [candidate]) === 0);
        expect(chosen === undefined).toBe(runnable.length === 0);
        const again = selectPlatform(
          normalisePlatform(wanted),
          candidates.map((candidate) => candidate && normalisePlatform(candidate)),
        );
        expect(again).toBe(chosen);
        if (chosen !== undefined)
          expect(runnable[selectPlatform(wanted, runnable) ?? -1]).toBe(candidates[chosen]);
      },
    ),
  );
});

it('the wanted platform itself is preferred', () => {
  fc.assert(
    fc.property(platform, fc.array(loose, { maxLength: 8 }), (wanted, others) => {
      const { 'os.version': _, ...exact } = wanted;
      const index = selectPlatform(exact, [...others, exact]) ?? -1;
      const chosen = normalisePlatform([...others, exact][index] ?? {});
      const { architecture: cpu, variant: generation } = normalisePlatform(exact);
      expect([chosen.architecture, chosen.variant]).toStrictEqual([cpu, generation]);
    }),
  );
});

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
