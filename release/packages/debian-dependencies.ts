import { dynamicNeeds } from '../formats/elf.js';

/** The Debian packages of shared libraries. */
const PACKAGES: Readonly<Record<string, string>> = {
  'ld-linux-aarch64.so.1': 'libc6',
  'ld-linux-x86-64.so.2': 'libc6',
  'libatomic.so.1': 'libatomic1',
  'libc.so.6': 'libc6',
  'libdl.so.2': 'libc6',
  'libgcc_s.so.1': 'libgcc-s1',
  'libm.so.6': 'libc6',
  'libpthread.so.0': 'libc6',
  'librt.so.1': 'libc6',
  'libstdc++.so.6': 'libstdc++6',
};

/** The versions of GCC whose libstdc++ was the first with a symbol version (libstdc++ manual, "ABI Policy and Guidelines"). */
const GCC_VERSIONS: Readonly<Record<string, readonly (readonly [number, string])[]>> = {
  'GLIBCXX_3.4': [
    [21, '5'],
    [22, '6'],
    [23, '7'],
    [24, '7.2'],
    [25, '8'],
    [26, '9'],
    [27, '9.2'],
    [28, '9.3'],
    [29, '11'],
    [30, '12'],
    [31, '13'],
    [32, '13.2'],
    [33, '14'],
  ],
  'CXXABI_1.3': [
    [9, '5'],
    [10, '6'],
    [11, '7'],
    [12, '9'],
    [13, '11'],
    [14, '13'],
    [15, '14'],
  ],
};

/**
 * Returns the packages that an executable depends on, in the form of the field `Depends` of deb-control(5), as
 * `dpkg-shlibdeps` computes them on the machine that an executable is for.
 * @throws Error for a library or version of an unknown package
 */
export function debianDependencies(executable: Buffer): string[] {
  const { libraries, versions } = dynamicNeeds(executable);
  const needed = new Map<string, string | undefined>();
  for (const library of libraries) {
    const name = PACKAGES[library];
    if (name === undefined)
      throw new Error(`the package of ${library} is unknown: add it to debian-dependencies.ts`);
    const required = (versions.get(library) ?? []).flatMap((version) => packageVersion(version) ?? []);
    needed.set(name, [needed.get(name) ?? [], required].flat().toSorted(compareVersions).at(-1));
  }
  return [...needed]
    .map(([name, version]) => (version === undefined ? name : `${name} (>= ${version})`))
    .toSorted();
}

/** The version of the package that has a symbol version; `undefined` if every version of the package has it. */
function packageVersion(symbolVersion: string): string | undefined {
  const [, glibc] = /^GLIBC_(\d[\d.]*)$/.exec(symbolVersion) ?? [];
  if (glibc !== undefined) return glibc;
  const [, family = '', number = '0'] = /^(GLIBCXX_3\.4|CXXABI_1\.3)(?:\.(\d+))?$/.exec(symbolVersion) ?? [];
  const table = GCC_VERSIONS[family];
  if (table === undefined) return undefined;
  const found = table.find(([last]) => Number(number) <= last);
  if (found === undefined)
    throw new Error(`the GCC of ${symbolVersion} is unknown: add it to debian-dependencies.ts`);
  return found[1];
}

function compareVersions(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
