import { posix } from 'node:path';

import type { DebianPackage, PackageFile } from '../packages/debian-packages.js';
import { dynamicNeeds, type Architecture } from '../formats/elf.js';
import type { TarEntry } from '../formats/tar-file.js';

/** The user of the image, as of other images without a shell. Kubernetes requires a number for `runAsNonRoot`. */
export const NON_ROOT = 65532;

/** Where Debian has shared libraries, and the path of the dynamic linker in executables. */
const LIBRARIES: Readonly<Record<Architecture, { readonly directory: string; readonly linker: string }>> = {
  amd64: { directory: 'usr/lib/x86_64-linux-gnu', linker: 'usr/lib64/ld-linux-x86-64.so.2' },
  arm64: { directory: 'usr/lib/aarch64-linux-gnu', linker: 'usr/lib/ld-linux-aarch64.so.1' },
};

const TEXT_FILES: Readonly<Record<string, string>> = {
  'etc/passwd': `root:x:0:0:root:/root:/sbin/nologin
nonroot:x:${NON_ROOT}:${NON_ROOT}:nonroot:/home/nonroot:/sbin/nologin
`,
  'etc/group': `root:x:0:
nonroot:x:${NON_ROOT}:
`,
  'etc/nsswitch.conf': `passwd: files
group: files
hosts: files dns
`,
};

/**
 * Returns everything that an executable needs to run in an otherwise empty root file system: the shared libraries that it is
 * linked to, certificate authorities, a user, a home, `/tmp` and `/work`. It has no shell and no package manager. The packages
 * that files come from are recorded as in other images of Debian packages, so that scanners find them.
 * @throws Error if no package has a required library
 */
export function rootFilesystem(
  executable: Buffer,
  architecture: Architecture,
  packages: readonly DebianPackage[],
): TarEntry[] {
  const libraries = librariesOf(executable, architecture, packages);
  const others = new Map([
    ['usr/lib/os-release', fileOf(packages, 'usr/lib/os-release')],
    ['etc/ssl/certs/ca-certificates.crt', authorities(packages)],
  ]);
  const used = packages.filter((item) =>
    [...libraries.values(), ...others.values()].some((file) => file.packages.includes(item)),
  );
  return [
    // The kernel executes the dynamic linker.
    ...[...libraries].map(([path, { content }]) => ({ path, content, mode: 0o755 })),
    ...[...others].map(([path, { content }]) => ({ path, content, mode: 0o644 })),
    ...Object.entries(TEXT_FILES).map(([path, content]) => ({ path, content, mode: 0o644 })),
    { path: 'etc/os-release', link: '../usr/lib/os-release' },
    ...(libraries.size === 0 ? [] : linkerEntries(architecture)),
    ...used.flatMap((item) => recordsOf(item, packages)),
    { path: 'home/nonroot', directory: true, mode: 0o755, owner: NON_ROOT },
    { path: 'work', directory: true, mode: 0o755, owner: NON_ROOT },
    { path: 'tmp', directory: true, mode: 0o1777 },
  ];
}

/** The content of a file, and the packages that it was made of. */
interface Origin {
  readonly content: Buffer;
  readonly packages: readonly DebianPackage[];
}

/** Finds the libraries that an executable is linked to, and those that these are linked to. */
function librariesOf(
  executable: Buffer,
  architecture: Architecture,
  packages: readonly DebianPackage[],
): Map<string, Origin> {
  const found = new Map<string, Origin>();
  const queue = [...dynamicNeeds(executable).libraries];
  for (const name of queue) {
    const path = `${LIBRARIES[architecture].directory}/${name}`;
    if (found.has(path)) continue;
    const file = fileOf(packages, path);
    found.set(path, file);
    queue.push(...dynamicNeeds(file.content).libraries);
  }
  return found;
}

function linkerEntries(architecture: Architecture): TarEntry[] {
  const { directory, linker } = LIBRARIES[architecture];
  const target = `${posix.relative(posix.dirname(linker), directory)}/${posix.basename(linker)}`;
  const folder = posix.basename(posix.dirname(linker));
  return [
    { path: linker, link: target },
    ...[...new Set(['lib', folder])].map((path) => ({ path, link: `usr/${path}` })),
  ];
}

/** One file with all authorities of Mozilla, as `update-ca-certificates` makes it. */
function authorities(packages: readonly DebianPackage[]): Origin {
  const item = packages.find(({ name }) => name === 'ca-certificates');
  const files = [...(item?.files ?? [])]
    .filter(([path]) => /^usr\/share\/ca-certificates\/.*\.crt$/.test(path))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  if (item === undefined || files.length === 0) throw new Error('the package ca-certificates is missing');
  const certificates = files.map(([path]) => `${fileOf([item], path).content.toString('utf8').trim()}\n`);
  return { content: Buffer.from(certificates.join('')), packages: [item] };
}

/** The licence of a package, and its record in the form that scanners of images without dpkg read. */
function recordsOf(item: DebianPackage, packages: readonly DebianPackage[]): TarEntry[] {
  const path = `usr/share/doc/${item.name}`;
  const link = item.files.get(path);
  // Packages of one source share a directory.
  const owner = link !== undefined && 'link' in link ? link.link : item.name;
  const copyright = `usr/share/doc/${owner}/copyright`;
  return [
    { path: `var/lib/dpkg/status.d/${item.name}`, content: item.control, mode: 0o644 },
    {
      path: `usr/share/doc/${item.name}/copyright`,
      content: fileOf(packages, copyright).content,
      mode: 0o644,
    },
  ];
}

/** Reads a file of any of the packages, through symbolic links. */
function fileOf(packages: readonly DebianPackage[], path: string): Origin {
  const files = packages.flatMap((item) => {
    const file = item.files.get(path);
    return file === undefined ? [] : [[item, file] as const];
  });
  const [first] = files;
  if (first === undefined) throw new Error(`no package has ${path}`);
  const [item, file]: readonly [DebianPackage, PackageFile] = first;
  if ('content' in file) return { content: file.content, packages: [item] };
  return fileOf(packages, posix.join(posix.dirname(path), file.link));
}
