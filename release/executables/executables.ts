import { copyFile, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { removeAuthenticode, isPe } from '../formats/authenticode.js';
import type { BuildOptions } from '../build-options.js';
import { ROOT } from '../checkout.js';
import { isElf, stripElf } from '../formats/elf-symbols.js';
import { writeExecutableArchive } from './executable-archive.js';
import { isMachO, stripMachO } from '../formats/mach-o.js';
import { signMachO } from '../formats/mach-o-signature.js';
import { EXECUTABLE_PLATFORMS, ownPlatform, unpackNode, type ExecutablePlatform } from './node-binaries.js';
import { outputOf } from '../run.js';

const DIST = join(ROOT, 'dist');

/** The main script, which `node build.mjs executable` writes. */
const MAIN = 'executable/main.cjs';
/** What the main script contains itself. */
const IN_MAIN = ['start.cjs', 'keep-code.cjs'];
/** The entry points of the GitHub Actions, which no executable runs. */
const OF_ACTIONS = ['action.cjs', 'setup.cjs'];
/** What each executable is to stay below, in bytes. */
const MAX_SIZE = 120_000_000;

/**
 * Builds the executables for platforms, and an archive of each. The files in `dist` exist. Node.js adds the program to its own
 * binary (`node --build-sea`, "Single executable applications"): the one for this machine builds those for all others.
 *
 * @returns the paths of the written files
 * @throws Error if a binary of Node.js cannot be downloaded or changed, or an executable is too large
 */
export async function buildExecutables(
  options: BuildOptions,
  platforms: readonly ExecutablePlatform[] = EXECUTABLE_PLATFORMS,
): Promise<string[]> {
  const work = await mkdtemp(join(tmpdir(), 'multiarch-executables-'));
  try {
    const own = ownPlatform();
    const builder = await unpackNode(own, work);
    const assets = await copyProgram(work);
    const licences = await licenceTexts(builder.licence);
    const written: string[] = [];
    for (const platform of platforms) {
      const node = platform === own ? builder : await unpackNode(platform, work);
      const base = join(work, 'base');
      await writeFile(base, withoutExtras(await readFile(node.path)), { mode: 0o755 });
      const built = await addProgram(work, { builder: builder.path, base, assets });
      const path = executablePath(options, platform);
      const isDarwin = platform.startsWith('darwin-');
      await writeFile(path, isDarwin ? signMachO(built, 'multiarch') : built, { mode: 0o755 });
      await checkSize(path);
      written.push(path, await writeExecutableArchive(options, path, licences));
    }
    return written;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Returns the path of the executable for a platform. */
export function executablePath({ version, directory }: BuildOptions, platform: ExecutablePlatform): string {
  const suffix = platform.startsWith('windows-') ? '.exe' : '';
  return join(directory, `multiarch-${version}-${platform}${suffix}`);
}

/** Copies the program, since the executable contains the path of its main script. Returns the names of the assets. */
async function copyProgram(work: string): Promise<string[]> {
  const names = (await readdir(DIST)).filter(
    (name) => name.endsWith('.cjs') && ![...IN_MAIN, ...OF_ACTIONS].includes(name),
  );
  await copyFile(join(DIST, MAIN), join(work, 'main.cjs'));
  for (const name of names) await copyFile(join(DIST, name), join(work, name));
  return names.toSorted();
}

/** Removes symbols, which are a fifth of the size, and the signature, which would not match. */
function withoutExtras(binary: Buffer): Buffer {
  if (isElf(binary)) return stripElf(binary);
  if (isMachO(binary)) return stripMachO(binary);
  if (isPe(binary)) return removeAuthenticode(binary);
  throw new Error('the binary of Node.js has an unknown format');
}

async function addProgram(
  work: string,
  {
    builder,
    base,
    assets,
  }: { readonly builder: string; readonly base: string; readonly assets: readonly string[] },
): Promise<Buffer> {
  const config = {
    main: 'main.cjs',
    executable: base,
    output: 'built',
    disableExperimentalSEAWarning: true,
    // A cache or a snapshot can be built for the platform of the builder only.
    useCodeCache: false,
    useSnapshot: false,
    // NODE_OPTIONS is meant for other programs, and could load any code into this one.
    execArgvExtension: 'none',
    assets: Object.fromEntries(assets.map((name) => [name, name])),
  };
  await writeFile(join(work, 'config.json'), JSON.stringify(config));
  await outputOf(builder, ['--build-sea', 'config.json'], { directory: work, env: { NODE_OPTIONS: '' } });
  return readFile(join(work, 'built'));
}

async function checkSize(path: string): Promise<void> {
  const { size } = await stat(path);
  if (size > MAX_SIZE) throw new Error(`${path} has ${size} bytes, more than ${MAX_SIZE}`);
}

/** Returns the licences of all that an executable contains, by their names in archives. @throws Error without that of Node.js */
async function licenceTexts(node: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (node === undefined) throw new Error('the package of Node.js has no licence');
  const bundled = await readFile(join(DIST, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
  return {
    LICENSE: await readFile(join(ROOT, 'LICENSE'), 'utf8'),
    'THIRD-PARTY-LICENSES.txt': `${bundled}\n${'-'.repeat(80)}\n\nNode.js\n\n${node.trim()}\n`,
  };
}
