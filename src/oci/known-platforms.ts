/**
 * The operating systems and architectures that Go compiles for (`go tool dist list`), and those that docker accepts
 * although Go dropped them. Docker's own list lacks newer platforms such as windows/arm64.
 */
const ARCHITECTURES: ReadonlyMap<string, readonly string[]> = new Map(
  Object.entries({
    aix: ['ppc64'],
    android: ['386', 'amd64', 'arm', 'arm64'],
    darwin: ['386', 'amd64', 'arm', 'arm64'],
    dragonfly: ['amd64'],
    freebsd: ['386', 'amd64', 'arm', 'arm64', 'riscv64'],
    illumos: ['amd64'],
    ios: ['amd64', 'arm64'],
    js: ['wasm'],
    linux: [
      '386',
      'amd64',
      'arm',
      'arm64',
      'loong64',
      'mips',
      'mips64',
      'mips64le',
      'mipsle',
      'ppc64',
      'ppc64le',
      'riscv64',
      's390x',
    ],
    netbsd: ['386', 'amd64', 'arm', 'arm64'],
    openbsd: ['386', 'amd64', 'arm', 'arm64', 'mips64', 'ppc64', 'riscv64'],
    plan9: ['386', 'amd64', 'arm'],
    solaris: ['amd64'],
    wasip1: ['wasm'],
    windows: ['386', 'amd64', 'arm', 'arm64'],
  }),
);

const ALL_ARCHITECTURES: ReadonlySet<string> = new Set([...ARCHITECTURES.values()].flat());

/**
 * Reports whether a platform is known. An unknown one is most likely a typo, so `annotate` rejects it as docker does.
 * Takes Go's names, not aliases.
 */
export function isKnownOsArch(os: string, architecture: string): boolean {
  return ARCHITECTURES.get(os)?.includes(architecture) === true;
}

/** Reports whether the name is a known operating system: `windows`. */
export function isKnownOs(name: string): boolean {
  return ARCHITECTURES.has(name);
}

/** Reports whether the name is a known architecture: `arm64`. */
export function isKnownArchitecture(name: string): boolean {
  return ALL_ARCHITECTURES.has(name);
}

/** The variants of the architectures that number them: GOAMD64, GOARM, GOARM64 and versions of LoongArch. */
const NUMBERED_VARIANTS: ReadonlyMap<string, RegExp> = new Map([
  ['amd64', /^v[1-4]$/],
  ['arm', /^v[4-8]$/],
  ['arm64', /^v(?:[89]|\d{2})(?:\.\d)?$/],
  ['loong64', /^v1\.\d$/],
]);

/**
 * Reports whether an architecture can have a variant. A numbered variant belongs to one of these or to an unknown
 * architecture; any other is defined by the implementation (image-spec, "Platform Variants"), such as `power9`.
 * @param variant in canonical form: `v7`
 */
export function isVariantOf(architecture: string, variant: string): boolean {
  if (!isKnownArchitecture(architecture) || !/^v?\d+(?:\.\d+)?$/.test(variant)) return true;
  return NUMBERED_VARIANTS.get(architecture)?.test(variant) === true;
}

/** What other tools call Go's architectures. Those that containerd knows are not listed (see `normalisePlatform`). */
const ARCHITECTURE_ALIASES: Readonly<Record<string, string>> = {
  arm32: 'arm',
  arm32v5: 'arm/v5',
  arm32v6: 'arm/v6',
  arm32v7: 'arm/v7',
  arm64v8: 'arm64',
  armv5: 'arm/v5',
  armv6: 'arm/v6',
  armv6l: 'arm/v6',
  armv7: 'arm/v7',
  armv7a: 'arm/v7',
  armv7l: 'arm/v7',
  armv8: 'arm64',
  i486: '386',
  i586: '386',
  i686: '386',
  ia32: '386',
  loongarch64: 'loong64',
  mips64el: 'mips64le',
  mipsel: 'mipsle',
  powerpc64le: 'ppc64le',
  ppc64el: 'ppc64le',
  win64: 'amd64',
  x64: 'amd64',
  x86: '386',
};

const OS_ALIASES: Readonly<Record<string, string>> = {
  'gnu/linux': 'linux',
  macosx: 'darwin',
  osx: 'darwin',
  sunos: 'solaris',
  win: 'windows',
  win32: 'windows',
  win64: 'windows',
  windows_nt: 'windows',
};

/** Returns Go's name of an operating system that another tool calls by this name; the name itself if it is no alias. */
export function osOfAlias(name: string): string {
  return Object.hasOwn(OS_ALIASES, name) ? (OS_ALIASES[name] ?? name) : name;
}

/** Returns Go's architecture, with `/variant`, that another tool calls by this name; the name itself if it is no alias. */
export function architectureOfAlias(name: string): string {
  return Object.hasOwn(ARCHITECTURE_ALIASES, name) ? (ARCHITECTURE_ALIASES[name] ?? name) : name;
}
