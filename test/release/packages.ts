import type { DebianPackage, PackageFile } from '../../release/packages/debian-packages.js';

/** A package with these files: their content, or `-> TARGET` for a symbolic link. */
export function debianPackage(name: string, files: Readonly<Record<string, string | Buffer>>): DebianPackage {
  const toFile = (text: string | Buffer): PackageFile =>
    typeof text === 'string' && text.startsWith('-> ')
      ? { link: text.slice(3) }
      : { content: Buffer.from(text) };
  return {
    name,
    control: `Package: ${name}\n`,
    files: new Map(Object.entries(files).map(([path, text]) => [path, toFile(text)])),
  };
}

/** The packages of an image whose executable is static. */
export const BASE_PACKAGES: readonly DebianPackage[] = [
  debianPackage('base-files', {
    'usr/lib/os-release': 'ID=debian\n',
    'usr/share/doc/base-files/copyright': 'licence of base-files',
  }),
  debianPackage('ca-certificates', {
    'usr/share/ca-certificates/mozilla/B.crt': 'certificate B\n\n',
    'usr/share/ca-certificates/mozilla/A.crt': 'certificate A',
    'usr/share/doc/ca-certificates/copyright': 'licence of ca-certificates',
    'usr/share/doc/ca-certificates/example.crt': 'not a certificate',
  }),
];
