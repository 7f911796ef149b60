import { describe, expect, it } from 'vitest';

import { satisfiesPlatform, selectPlatform } from '../../src/oci/platform-match.js';
import {
  formatPlatformFull,
  parsePlatform,
  type LoosePlatform,
  type Platform,
} from '../../src/oci/platform.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

function runs(wanted: Platform, candidate: LoosePlatform): boolean {
  return selectPlatform(wanted, [candidate]) === 0;
}

/** All that the machine runs, best first, by taking the chosen one away until none is left. */
function ordered(wanted: Platform, candidates: readonly LoosePlatform[]): string[] {
  const left = [...candidates];
  const chosen: string[] = [];
  for (;;) {
    const index = selectPlatform(wanted, left);
    if (index === undefined) return chosen;
    chosen.push(...left.splice(index, 1).map(formatPlatformFull));
  }
}

describe('selectPlatform', () => {
  it.each([
    ['linux/amd64', ['linux/arm64', 'linux/386', 'linux/amd64'], ['linux/amd64', 'linux/386']],
    [
      'linux/amd64/v3',
      ['linux/386', 'linux/amd64', 'linux/amd64/v4', 'linux/amd64/v2', 'linux/amd64/v3'],
      ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64', 'linux/386'],
    ],
    [
      'linux/arm/v7',
      ['linux/arm/v5', 'linux/arm/v8', 'linux/arm/v6', 'linux/arm'],
      ['linux/arm', 'linux/arm/v6', 'linux/arm/v5'],
    ],
    [
      'linux/arm64',
      ['linux/arm/v6', 'linux/arm', 'linux/arm64/v8.1', 'linux/arm/v8', 'linux/arm64/v8'],
      ['linux/arm64/v8', 'linux/arm/v8', 'linux/arm', 'linux/arm/v6'],
    ],
    [
      'linux/arm64/v9.2',
      [
        'linux/arm/v7',
        'linux/arm64',
        'linux/arm64/v8.7',
        'linux/arm64/v8.8',
        'linux/arm64/v9',
        'linux/arm64/v9.1',
      ],
      ['linux/arm64/v9.1', 'linux/arm64/v9', 'linux/arm64/v8.7', 'linux/arm64', 'linux/arm/v7'],
    ],
    ['linux/riscv64', ['linux/amd64', 'linux/riscv64'], ['linux/riscv64']],
    ['linux/amd64', ['windows/amd64', 'darwin/amd64'], []],
    ['linux/arm/v999999999', ['linux/arm', 'linux/arm/v999999999'], ['linux/arm/v999999999']],
    [
      'windows(10.0.20348.1)/amd64',
      [
        'windows/amd64',
        'windows(10.0.20348.9)/amd64',
        'windows(10.0.20348.10)/amd64',
        'windows(10.0.26100.1)/amd64',
      ],
      ['windows(10.0.20348.10)/amd64', 'windows(10.0.20348.9)/amd64', 'windows/amd64'],
    ],
    [
      'windows/amd64',
      ['windows(10.0.17763.1)/amd64', 'windows(10.0.26100.1+win32k)/amd64'],
      ['windows(10.0.17763.1)/amd64', 'windows(10.0.26100.1+win32k)/amd64'],
    ],
    [
      'windows(ltsc2022)/amd64',
      ['windows(10.0.20348.1)/amd64', 'windows(ltsc2022)/amd64'],
      ['windows(ltsc2022)/amd64'],
    ],
  ])('for %s of %j: %j', (wanted, candidates, expected) => {
    expect(
      ordered(
        parsePlatform(wanted),
        candidates.map((text) => parsePlatform(text)),
      ),
    ).toStrictEqual(expected);
  });

  it('chooses the first of equal candidates', () => {
    const amd64 = parsePlatform('linux/amd64');
    expect(selectPlatform(amd64, [parsePlatform('linux/arm64'), amd64, amd64])).toBe(1);
  });

  it('skips entries without a platform', () => {
    const amd64 = parsePlatform('linux/amd64');
    const entries = [
      undefined,
      {},
      { os: 'linux' },
      { architecture: 'amd64' },
      { os: 'unknown', architecture: 'unknown' },
    ];
    expect(selectPlatform(amd64, entries)).toBeUndefined();
    expect(selectPlatform(amd64, [...entries, amd64])).toBe(entries.length);
    expect(selectPlatform(amd64, [])).toBeUndefined();
  });
});

describe('satisfiesPlatform', () => {
  it.each([
    ['linux/amd64', 'linux/amd64', true],
    ['linux/386', 'linux/amd64', false],
    ['linux/amd64/v2', 'linux/amd64', false],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm64', 'linux/arm64/v8', true],
    ['linux/arm', 'linux/arm/v7', true],
    ['linux/arm/v6', 'linux/arm', false],
    ['windows(10.0.17763.1)/amd64', 'windows/amd64', true],
    ['windows(10.0.17763.1+win32k)/amd64', 'windows/amd64', true],
    ['windows(10.0.17763.1)/amd64', 'windows(10.0.17763)/amd64', true],
    ['windows(10.0.17763.1)/amd64', 'windows(10.0.17763.2)/amd64', false],
    ['windows(10.0.177631)/amd64', 'windows(10.0.17763)/amd64', false],
    ['windows(10.0.20348.1)/amd64', 'windows(10.0.26100)/amd64', false],
    ['windows/amd64', 'windows(10.0.17763)/amd64', false],
    ['linux(+a+b)/amd64', 'linux(+b)/amd64', true],
    ['linux(+a)/amd64', 'linux(+a+b)/amd64', false],
  ])('%s is %s: %s', (candidate, wanted, expected) => {
    expect(satisfiesPlatform(parsePlatform(candidate), parsePlatform(wanted))).toBe(expected);
  });

  it('is not satisfied by an entry without a platform', () => {
    for (const entry of [undefined, {}, { os: 'linux' }, { os: 'unknown', architecture: 'unknown' }]) {
      expect(satisfiesPlatform(entry, parsePlatform('linux/amd64'))).toBe(false);
    }
  });
});

interface MatchRow {
  readonly want: string;
  readonly matches: readonly string[];
  readonly no_match: readonly string[];
}

interface Vectors {
  readonly containerd_parse: readonly {
    readonly input: string;
    readonly matched_by_NewMatcher?: readonly Platform[];
  }[];
  readonly containerd_only: readonly MatchRow[];
  readonly containerd_only_strict: readonly MatchRow[];
  readonly containerd_order: readonly {
    readonly want: string;
    readonly input: readonly string[];
    readonly expected_order: readonly string[];
    readonly comparers: readonly string[];
  }[];
  readonly containerd_windows_match: readonly {
    readonly host: Platform;
    readonly test: Platform;
    readonly match: boolean;
  }[];
  readonly containerd_windows_order: readonly {
    readonly host: Platform;
    readonly input: readonly Platform[];
    readonly expected_order: readonly Platform[];
  }[];
  readonly containerd_windows_select: readonly {
    readonly name: string;
    readonly host: Platform;
    readonly input: readonly Platform[];
    readonly expected_first: Platform;
  }[];
  readonly containerd_windows_abi: readonly {
    readonly host_build: number;
    readonly container_build: number;
    readonly can_run: boolean;
  }[];
  readonly containers_image_index_selection: readonly {
    readonly fixture: string;
    readonly os: string;
    readonly arch: string;
    readonly variant: string | null;
    readonly selected: string | null;
    readonly prefer_gzip?: boolean;
  }[];
  readonly containers_image_wanted_platforms: readonly {
    readonly os: string;
    readonly arch: string;
    readonly variant: string | null;
    readonly candidates_in_order: readonly Platform[];
    readonly note: string;
  }[];
  readonly ggcr_satisfies: readonly {
    readonly have: Platform;
    readonly spec: Platform;
    readonly satisfies: boolean;
  }[];
  readonly ggcr_matches_platform: readonly {
    readonly given: LoosePlatform;
    readonly required: Platform;
    readonly match: boolean;
    readonly note: string;
  }[];
  readonly regclient_compare: readonly {
    readonly name: string;
    readonly host: Platform;
    readonly target: Platform;
    readonly prev: Platform | null;
    readonly match: boolean;
    readonly compatible: boolean;
    readonly better: boolean;
  }[];
}

function windows(build: number): Platform {
  return { os: 'windows', architecture: 'amd64', 'os.version': `10.0.${build}` };
}

function platformOf(row: {
  readonly os: string;
  readonly arch: string;
  readonly variant: string | null;
}): Platform {
  return { os: row.os, architecture: row.arch, ...(row.variant !== null && { variant: row.variant }) };
}

describeVectors('platform matching vectors', () => {
  const vectors = vectorJson<Vectors>('platforms.json');

  const parsed = vectors.containerd_parse.flatMap((row) =>
    (row.matched_by_NewMatcher ?? []).map((platform) => [row.input, platform] as const),
  );
  it.each(parsed)('containerd: %s matches %j', (input, candidate) => {
    expect(satisfiesPlatform(candidate, parsePlatform(input))).toBe(true);
    expect(runs(parsePlatform(input), candidate)).toBe(true);
  });

  it.each(vectors.containerd_only.map((row) => [row.want, row] as const))(
    'containerd Only %s',
    (want, row) => {
      const all = [...row.no_match, ...row.matches];
      expect(all.filter((text) => runs(parsePlatform(want), parsePlatform(text)))).toStrictEqual(row.matches);
    },
  );

  it.each(vectors.containerd_only_strict.map((row) => [row.want, row] as const))(
    'containerd OnlyStrict %s',
    (want, row) => {
      const all = [...row.no_match, ...row.matches];
      expect(all.filter((text) => satisfiesPlatform(parsePlatform(text), parsePlatform(want)))).toStrictEqual(
        row.matches,
      );
    },
  );

  // Upstream sorts entries that do not match to the end. Here nothing is sorted and such entries are never
  // chosen, so only the order of the others is compared.
  it.each(vectors.containerd_order.map((row) => [row.want, row.input, row] as const))(
    'containerd orders for %s %j',
    (want, input, row) => {
      const order = ordered(
        parsePlatform(want),
        input.map((text) => parsePlatform(text)),
      );
      expect(order.length).toBeGreaterThan(0);
      if (row.comparers.includes('Only'))
        expect(order).toStrictEqual(row.expected_order.slice(0, order.length));
      // OnlyOS accepts any architecture of the OS, which is not offered here; its first one is the same.
      else expect(order[0]).toBe(row.expected_order[0]);
    },
  );

  it.each(vectors.containerd_windows_match.map((row) => [row.host, row.test, row.match] as const))(
    'containerd: Windows %j runs %j: %s',
    (host, test, match) => {
      expect(runs(host, test)).toBe(match);
    },
  );

  it.each(vectors.containerd_windows_order.map((row) => [row.host, row] as const))(
    'containerd orders for Windows %j',
    (host, row) => {
      const order = ordered(host, row.input);
      expect(order).toStrictEqual(row.expected_order.slice(0, 3).map(formatPlatformFull));
    },
  );

  it.each(vectors.containerd_windows_select.map((row) => [row.name, row] as const))(
    'containerd: %s',
    (_, row) => {
      expect(row.input[selectPlatform(row.host, row.input) ?? -1]).toStrictEqual(row.expected_first);
    },
  );

  it.each(
    vectors.containerd_windows_abi.map((row) => [row.host_build, row.container_build, row.can_run] as const),
  )('containerd: Windows build %i runs build %i: %s', (host, container, expected) => {
    expect(runs(windows(host), windows(container))).toBe(expected);
  });

  // The section is prose about a matcher that upstream builds on a Windows machine.
  it.each([
    ['windows(10.0.17763)/amd64', 'windows(10.0.17763.1)/amd64', true],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17763.2)/amd64', true],
    ['windows(10.0.17763)/amd64', 'windows/amd64', true],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17762.1)/amd64', false],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17764.1)/amd64', false],
    ['windows(10.0.17763)/amd64', 'linux/amd64', false],
    ['linux/amd64', 'linux/amd64', true],
    ['linux/amd64', 'windows/amd64', false],
    ['linux/amd64', 'windows(10.0.17763.2)/amd64', false],
    ['windows(99.99.99.99)/amd64', 'windows/amd64', true],
  ])('containerd on Windows: %s runs %s: %s', (host, candidate, expected) => {
    expect(runs(parsePlatform(host), parsePlatform(candidate))).toBe(expected);
  });

  it.each(
    vectors.containers_image_index_selection.map(
      (row) => [row.fixture, formatPlatformFull(platformOf(row)), row] as const,
    ),
  )('containers/image selects from %s for %s', (fixture, wanted, row) => {
    const { manifests } = vectorJson<{ manifests: { digest: string; platform?: LoosePlatform }[] }>(fixture);
    const index = selectPlatform(
      platformOf(row),
      manifests.map((entry) => entry.platform),
    );
    const selected = index === undefined ? null : (manifests[index]?.digest ?? null);

    const isVariants = fixture.endsWith('list-variants.json');
    if (fixture.endsWith('ocilist-variants.json') && wanted === 'linux/arm') {
      // Decided against: they prefer an entry without a variant; for containerd arm is arm/v7, and the first wins.
      expect(selected).not.toBe(row.selected);
      expect(manifests[index ?? -1]?.platform).toStrictEqual({
        os: 'linux',
        architecture: 'arm',
        variant: 'v7',
      });
    } else if (isVariants && ['linux/arm/v5', 'linux/arm/unrecognized-not-present'].includes(wanted)) {
      // Decided against: they fall back on an entry without a variant, which is arm/v7 and need not run there.
      expect(selected).toBeNull();
    } else if (row.arch === 'matchesImageWithNoPlatform') {
      // Different by decision: they choose an entry without a platform if nothing else matches.
      expect(selected).toBeNull();
    } else if (fixture.includes('zstd') && row.prefer_gzip === true) {
      // Decided against: they look at the compression before the order. Here the first of equals is taken.
      expect(manifests[index ?? -1]?.platform).toStrictEqual({ os: 'linux', architecture: 'arm64' });
      expect(selected).not.toBe(row.selected);
    } else {
      expect(selected).toBe(row.selected);
    }
  });

  // Decided against, all three: for them arm without a variant is any arm, and names are compared as they are written.
  // For containerd it is arm/v7; an older machine does not run it, and it runs nothing newer.
  it.each([
    ['ARM with variant', ['linux/arm/v6', 'linux/arm/v5']],
    ['ARM without variant', ['linux/arm', 'linux/arm/v7', 'linux/arm/v6', 'linux/arm/v5']],
    ['Custom (completely unrecognized data)', ['freeBSD/armel/custom', 'freeBSD/armel']],
  ])('containers/image wants, %s: %j', (note, expected) => {
    const row = vectors.containers_image_wanted_platforms.find((candidate) => candidate.note === note);
    if (row === undefined) throw new Error('the row is gone');
    expect(ordered(platformOf(row), row.candidates_in_order)).toStrictEqual(expected);
  });

  it.each(vectors.ggcr_satisfies.map((row) => [row.have, row.spec, row.satisfies] as const))(
    'go-containerregistry: %j satisfies %j: %s',
    (have, spec, expected) => {
      expect(satisfiesPlatform(have, spec)).toBe(expected);
    },
  );

  it.each(vectors.ggcr_matches_platform.map((row) => [row.note, row] as const))(
    'go-containerregistry: %s',
    (note, row) => {
      // Decided against: names are compared in lower case, and a platform without a variant is the one with the
      // default variant, both as in containerd.
      const isDecidedAgainst =
        note.startsWith('OS must exactly match') ||
        note.startsWith('OSVersion and Variant are specified in given') ||
        note.startsWith('Checking subset validity when required less features');
      expect(satisfiesPlatform(row.given, row.required)).toBe(isDecidedAgainst ? !row.match : row.match);
    },
  );

  it.each(vectors.regclient_compare.map((row) => [row.name, row] as const))('regclient: %s', (name, row) => {
    // Decided against: that a Mac or a Windows machine runs Linux images is due to a virtual machine, which the
    // caller names itself where there is one.
    const runsInVirtualMachine = name === 'darwin compatible' || name === 'windows compatible';
    expect(runs(row.host, row.target)).toBe(row.compatible && !runsInVirtualMachine);
    const candidates = row.prev === null ? [row.target] : [row.prev, row.target];
    expect(selectPlatform(row.host, candidates) === candidates.length - 1).toBe(row.better);
    // Decided against: a filter that names a revision of Windows means that revision.
    const namesRevision = name === 'windows patch';
    expect(satisfiesPlatform(row.target, row.host)).toBe(row.match && !namesRevision);
  });
});
