import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { shellScript } from '../../src/cli/complete/shell-scripts.js';
import type { BuildOptions } from '../build-options.js';
import { ROOT } from '../checkout.js';
import { gzipped, tarFile, type TarEntry } from '../formats/tar-file.js';
import { zipFile } from '../formats/zip-file.js';

/** The names under which shells look for completions. */
const COMPLETIONS = { 'multiarch.bash': 'bash', _multiarch: 'zsh', 'multiarch.fish': 'fish' } as const;

/**
 * Writes the archive of an executable beside it: a zip file for Windows, otherwise a tar file with man pages and completion.
 * Equal input gives equal bytes with one version of Node.js, whose zlib compresses.
 *
 * @param path of the executable
 * @param licences the texts by file name
 * @returns the path of the archive
 */
export async function writeExecutableArchive(
  { sourceDate }: BuildOptions,
  path: string,
  licences: Readonly<Record<string, string>>,
): Promise<string> {
  const texts = Object.entries(licences);
  const program = await readFile(path);
  if (path.endsWith('.exe')) {
    const archive = path.replace(/\.exe$/u, '.zip');
    const files = texts.map(([name, text]) => ({ name, content: Buffer.from(text) }));
    await writeFile(archive, zipFile([...files, { name: 'multiarch.exe', content: program }], sourceDate));
    return archive;
  }
  const archive = `${path}.tar.gz`;
  const entries: TarEntry[] = [
    { path: 'multiarch', content: program, mode: 0o755 },
    ...[...texts, ...completions(), ...(await manPages())].map(
      ([name, content]) => ({ path: name, content, mode: 0o644 }) as const,
    ),
  ];
  await writeFile(archive, await gzipped(tarFile(entries, sourceDate)));
  return archive;
}

function completions(): (readonly [string, string])[] {
  return Object.entries(COMPLETIONS).map(
    ([name, shell]) => [`completion/${name}`, shellScript(shell)] as const,
  );
}

async function manPages(): Promise<(readonly [string, string])[]> {
  const names = (await readdir(join(ROOT, 'man'))).filter((name) => name.endsWith('.1'));
  return Promise.all(
    names.map(async (name) => [`man/man1/${name}`, await readFile(join(ROOT, 'man', name), 'utf8')] as const),
  );
}
