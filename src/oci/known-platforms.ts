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
