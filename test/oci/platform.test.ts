import { describe, expect, it } from 'vitest';

import { ArgumentError } from '../../src/oci/errors.js';
import { isKnownOsArch } from '../../src/oci/known-platforms.js';
import {
  formatPlatform,
  formatPlatformFull,
  isCompletePlatform,
  normalisePlatform,
  parsePlatform,
  platformKey,
  samePlatform,
  type LoosePlatform,
  type Platform,
} from '../../src/oci/platform.js';
import { describeVectors, vectorJson } from '../support/vectors.js';

describe('parsePlatform', () => {
  it.each<[string, Platform]>([
    ['linux/amd64', { os: 'linux', architecture: 'amd64' }],
    ['Linux/X86_64', { os: 'linux', architecture: 'amd64' }],
    ['linux/arm/v7', { os: 'linux', architecture: 'arm', variant: 'v7' }],
    ['linux/armhf', { os: 'linux', architecture: 'arm' }],
    ['linux/arm64/v9.0', { os: 'linux', architecture: 'arm64', variant: 'v9' }],
    ['windows()/amd64', { os: 'windows', architecture: 'amd64' }],
    ['exotic/cpu', { os: 'exotic', architecture: 'cpu' }],
    [
      'windows(10.0.17763+win32k)/amd64',
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.17763', 'os.features': ['win32k'] },
    ],
  ])('reads %s', (text, platform) => {
    expect(parsePlatform(text)).toStrictEqual(platform);
  });

  it('completes the platform from the host', () => {
    const host: Platform = { os: 'darwin', architecture: 'arm', variant: 'v6' };
    expect(parsePlatform('linux', host)).toStrictEqual({ os: 'linux', architecture: 'arm', variant: 'v6' });
    expect(parsePlatform('s390x', host)).toStrictEqual({ os: 'darwin', architecture: 's390x' });
    expect(parsePlatform('windows')).toStrictEqual({ os: 'windows', architecture: 'amd64' });
    expect(parsePlatform('linux', { os: 'linux', architecture: 'arm', variant: 'v7' })).toStrictEqual({
      os: 'linux',
      architecture: 'arm',
    });
  });

  it.each([
    '',
    '/',
    'linux/',
    '/amd64',
    'a/b/c/d',
    'linux,amd64',
    'nonsense',
    'linux (1)/amd64',
    'linux(%zz)/amd64',
    'arm64(1.0)',
    'linux/amd64\n',
  ])('rejects %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(ArgumentError);
    expect(() => parsePlatform(text)).toThrow(`invalid platform ${JSON.stringify(text)}`);
  });
});

describe('normalisePlatform', () => {
  it('returns the canonical form', () => {
    expect(
      normalisePlatform({
        os: 'MacOS',
        architecture: 'AARCH64',
        variant: 'V8',
        'os.version': '',
        'os.features': ['b', 'a', 'b', ''],
        features: ['x'],
      }),
    ).toStrictEqual({ os: 'darwin', architecture: 'arm64', 'os.features': ['a', 'b'], features: ['x'] });
  });

  it('leaves missing parts blank', () => {
    expect(normalisePlatform({})).toStrictEqual({ os: '', architecture: '' });
  });
});

describe('formatPlatform', () => {
  it.each<[LoosePlatform, string, string]>([
    [{ os: 'linux', architecture: 'arm', variant: 'v7' }, 'linux/arm/v7', 'linux/arm/v7'],
    [{ os: 'linux', architecture: 'arm64' }, 'linux/arm64', 'linux/arm64'],
    [
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1' },
      'windows/amd64',
      'windows(10.0.1)/amd64',
    ],
    [{ os: 'linux', architecture: 'amd64', 'os.features': ['b', 'a'] }, 'linux/amd64', 'linux(+a+b)/amd64'],
    [{ os: 'linux', architecture: '', variant: '' }, 'linux', 'linux'],
    [{ architecture: 'amd64', 'os.version': '1' }, 'unknown', 'unknown'],
    [{}, 'unknown', 'unknown'],
  ])('%j is %s, in full %s', (platform, short, full) => {
    expect(formatPlatform(platform)).toBe(short);
    expect(formatPlatformFull(platform)).toBe(full);
  });
});

describe('samePlatform', () => {
  it.each<[LoosePlatform, LoosePlatform, boolean]>([
    [{ os: 'linux', architecture: 'arm64' }, { os: 'linux', architecture: 'aarch64', variant: 'v8' }, true],
    [{ os: 'linux', architecture: 'arm' }, { os: 'linux', architecture: 'arm', variant: 'v7' }, true],
    [
      { os: 'linux', architecture: 'arm', variant: 'v6' },
      { os: 'linux', architecture: 'arm', variant: 'v7' },
      false,
    ],
    [{ os: 'linux', architecture: 'amd64', variant: 'v1' }, { os: 'linux', architecture: 'x86_64' }, true],
    [{ os: 'linux', architecture: 'amd64', variant: 'v3' }, { os: 'linux', architecture: 'amd64' }, false],
    [
      { os: 'linux', architecture: 'amd64', 'os.features': ['a', 'b'] },
      { os: 'linux', architecture: 'amd64', 'os.features': ['b', 'a', 'a'] },
      true,
    ],
    [
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.1' },
      { os: 'windows', architecture: 'amd64', 'os.version': '10.0.2' },
      false,
    ],
    [{ os: 'linux', architecture: 'amd64', features: [] }, { os: 'linux', architecture: 'amd64' }, true],
    [{ os: 'linux', architecture: 'arm/v7' }, { os: 'linux', architecture: 'arm', variant: 'v7' }, false],
    [{ architecture: 'arm64' }, { architecture: 'amd64' }, false],
    [{ os: 'unknown', architecture: '' }, {}, false],
  ])('%j and %j: %s', (a, b, expected) => {
    expect(samePlatform(a, b)).toBe(expected);
    expect(samePlatform(b, a)).toBe(expected);
    expect(platformKey(a) === platformKey(b)).toBe(expected);
  });
});

describe('isCompletePlatform', () => {
  it.each<[LoosePlatform | undefined, boolean]>([
    [{ os: 'linux', architecture: 'amd64' }, true],
    [{ os: 'unknown', architecture: 'unknown' }, true],
    [{ os: 'linux' }, false],
    [{ os: '', architecture: 'amd64' }, false],
    [{ os: 'linux', architecture: '' }, false],
    [{}, false],
    [undefined, false],
  ])('%j: %s', (platform, expected) => {
    expect(isCompletePlatform(platform)).toBe(expected);
  });
});

describe('isKnownOsArch', () => {
  it.each([
    ['linux', 'amd64', true],
    ['linux', 'riscv64', true],
    ['darwin', '386', true],
    ['windows', 'arm64', true],
    ['linux', 'x86_64', false],
    ['windows', 's390x', false],
    ['constructor', 'name', false],
    ['', '', false],
  ])('%s/%s: %s', (os, architecture, expected) => {
    expect(isKnownOsArch(os, architecture)).toBe(expected);
  });
});

interface Vectors {
  readonly containerd_parse: readonly {
    readonly input: string;
    readonly valid: boolean;
    readonly platform?: Platform;
    readonly formatter?: 'Format' | 'FormatAll';
    readonly formatted?: string;
  }[];
  readonly containerd_parse_invalid: readonly { readonly input: string }[];
  readonly containerd_format_all: readonly {
    readonly platform: Platform;
    readonly formatted: string;
    readonly roundtrips: boolean;
  }[];
  readonly containerd_normalize_table: {
    readonly os: Readonly<Record<string, string>>;
    readonly arch: readonly (readonly [string, string, string, string])[];
  };
  readonly ggcr_platform_string: readonly {
    readonly platform?: LoosePlatform;
    readonly string?: string;
    readonly input?: string;
  }[];
  readonly ggcr_equals: readonly {
    readonly a: Platform;
    readonly b: Platform;
    readonly equal: boolean;
  }[];
  readonly regclient_parse: readonly {
    readonly name: string;
    readonly input: string;
    readonly valid: boolean;
    readonly platform?: Platform;
  }[];
  readonly regclient_string: readonly { readonly platform: LoosePlatform; readonly string: string }[];
}

/** The vectors write the machine that upstream's tests run on like this. */
function onHost(text: string): string {
  return text.replace('<host-os>', 'linux').replace('<host-arch>', 'amd64');
}

describeVectors('platform vectors', () => {
  const vectors = vectorJson<Vectors>('platforms.json');

  it('have no unused section', () => {
    expect(
      Object.keys(vectors)
        .filter((name) => !name.startsWith('_'))
        .toSorted(),
    ).toStrictEqual([
      // Which variant the machine's own CPU is: read from /proc/cpuinfo, which nothing here does.
      'containerd_cpu_variant_from_arch',
      'containerd_format_all',
      'containerd_normalize_table',
      'containerd_only',
      // Any architecture of one OS: nothing here asks for that.
      'containerd_only_os',
      'containerd_only_strict',
      'containerd_order',
      'containerd_parse',
      'containerd_parse_invalid',
      'containerd_parse_stress',
      'containerd_windows_abi',
      'containerd_windows_host_rules',
      'containerd_windows_match',
      'containerd_windows_order',
      'containerd_windows_select',
      'containers_image_index_selection',
      'containers_image_wanted_platforms',
      'ggcr_equals',
      'ggcr_matches_platform',
      'ggcr_platform_string',
      'ggcr_satisfies',
      'regclient_compare',
      'regclient_parse',
      'regclient_string',
    ]);
  });

  it.each(vectors.containerd_parse.map((row) => [row.input, row] as const))(
    'containerd parses %s',
    (input, row) => {
      if (!row.valid) {
        expect(() => parsePlatform(input)).toThrow(ArgumentError);
        return;
      }
      const platform = parsePlatform(input);
      expect(platform).toStrictEqual(JSON.parse(onHost(JSON.stringify(row.platform))));
      const format = row.formatter === 'FormatAll' ? formatPlatformFull : formatPlatform;
      expect(format(platform)).toBe(onHost(row.formatted ?? ''));
    },
  );

  it.each(vectors.containerd_parse_invalid.map((row) => [row.input]))('containerd rejects %j', (input) => {
    expect(() => parsePlatform(input)).toThrow(ArgumentError);
  });

  it.each([
    ['features after a doubled plus', `linux(+${'+feature'.repeat(16)})/amd64`],
    ['a feature with an equals sign', `linux(+CONFIG_${'FOO=y_'.repeat(16_384)}BAR)/amd64`],
  ])('containerd rejects %s, however long', (_, text) => {
    expect(() => parsePlatform(text)).toThrow(ArgumentError);
  });

  it.each(vectors.containerd_format_all.map((row) => [row.formatted, row] as const))(
    'containerd formats %s',
    (formatted, row) => {
      expect(formatPlatformFull(row.platform)).toBe(formatted);
      if (row.roundtrips) expect(parsePlatform(formatted)).toStrictEqual(row.platform);
    },
  );

  it.each(vectors.containerd_normalize_table.arch)(
    'containerd normalises %s with variant %j to %s with %j',
    (architecture, variant, architectureOut, variantOut) => {
      for (const written of variant === '*' ? ['', 'v5', 'v7', 'x'] : [variant]) {
        const { architecture: name, variant: out = '' } = normalisePlatform({
          os: 'linux',
          architecture,
          variant: written,
        });
        expect([name, out]).toStrictEqual([architectureOut, variantOut]);
      }
    },
  );

  it('containerd normalises an os', () => {
    expect(normalisePlatform({ os: 'macos' }).os).toBe(vectors.containerd_normalize_table.os['macos']);
    expect(normalisePlatform({ os: 'LINUX' }).os).toBe('linux');
    // Different by decision: upstream replaces a missing os with the host's. In an index it is only missing.
    expect(normalisePlatform({ os: '' }).os).toBe('');
  });

  it.each(vectors.ggcr_platform_string.map((row) => [row.string ?? row.input ?? '', row] as const))(
    'go-containerregistry writes %j',
    (text, row) => {
      if (row.platform === undefined) {
        expect(() => parsePlatform(text)).toThrow(ArgumentError);
        return;
      }
      // Decided against both: containerd's forms "unknown" and "os(version)/arch" are the ones used here.
      const ours: Readonly<Record<string, string>> = {
        '': 'unknown',
        'linux/amd64:1.2.3.4': 'linux(1.2.3.4+a+b)/amd64',
      };
      expect(formatPlatformFull(row.platform)).toBe(ours[text]);
    },
  );

  it.each(vectors.ggcr_equals.map((row) => [row.a, row.b, row.equal] as const))(
    'go-containerregistry: %j equals %j: %s',
    (a, b, equal) => {
      expect(samePlatform(a, b)).toBe(equal);
    },
  );

  it.each(vectors.regclient_parse.map((row) => [row.input, row] as const))(
    'regclient parses %s',
    (input, row) => {
      // Different by decision: regclient's own forms; containerd has windows(10.0.17763.4974)/amd64 and no name for the host.
      const isOwnForm = input.includes(',osver=') || input === 'local';
      if (!row.valid || isOwnForm) {
        expect(() => parsePlatform(input)).toThrow(ArgumentError);
        return;
      }
      const expected = JSON.parse(onHost(JSON.stringify(row.platform))) as LoosePlatform;
      // The row for "windows" leaves the architecture to the host and does not name it.
      expect(parsePlatform(input)).toStrictEqual({ architecture: 'amd64', ...expected });
    },
  );

  it.each(vectors.regclient_string.map((row) => [row.platform, row.string] as const))(
    'regclient writes %j as %s',
    (platform, text) => {
      expect(formatPlatform(platform)).toBe(text);
    },
  );
});
