import { existsSync, statSync } from 'node:fs';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';

import { list, extract } from 'tar';
import { beforeAll, describe, expect, it } from 'vitest';

import { page, proseOf, root } from '../docs/markdown.js';
import { mustRun } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';
import { runMainJob, writeProject } from './project.js';

const TARBALL = join(root, 'dist/multiarch.tgz');
/** In bytes, without dependencies, of which there are none. */
const MAX_SIZE = 1_000_000;

interface Manifest {
  readonly bin: Readonly<Record<string, string>>;
  readonly exports: { readonly '.': Readonly<Record<string, string>> };
  readonly man: readonly string[];
  readonly repository: { readonly type: string; readonly url: string };
}

/** The files of the package with their modes. */
const files = new Map<string, number>();
const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as Manifest;

beforeAll(async () => {
  // `npm run check` has packed it, and other runs of tests may have built the code again.
  const built = ['dist/cli.cjs', 'package.json', 'README.md'].map(
    (name) => statSync(join(root, name)).mtimeMs,
  );
  if (!existsSync(TARBALL) || statSync(TARBALL).mtimeMs < Math.max(...built)) {
    await mustRun(process.execPath, ['build.mjs', 'tarball'], { cwd: root });
  }
  await list({
    file: TARBALL,
    onReadEntry: ({ path, mode = 0 }) => void files.set(path.replace(/^package\//, ''), mode),
  });
});

describe('the tarball', () => {
  it('is smaller than 1 MB', () => {
    expect(statSync(TARBALL).size).toBeLessThan(MAX_SIZE);
  });

  it('has the files that package.json names', () => {
    const { bin, exports, man } = manifest;
    const named = [...Object.values(bin), ...Object.values(exports['.']), ...man];
    expect(named.map((name) => name.replace(/^\.\//, '')).filter((name) => !files.has(name))).toEqual([]);
  });

  it('has what runs, its types, schemas, manual and licences, and nothing else', () => {
    const kinds = [
      /^(README|CHANGELOG)\.md$|^LICENSE$|^package\.json$/,
      /^bin\/(multiarch\.js|package\.json)$/,
      /^dist\/[\w-]+\.c?js$|^dist\/index\.d\.ts$/,
      /^dist\/(THIRD-PARTY-LICENSES\.txt|sbom\.cdx\.json)$/,
      /^man\/multiarch(-[a-z]+)?\.1$/,
      /^schemas\/(output\/)?[\w-]+\.schema\.json$/,
    ];
    const names = [...files.keys()];
    expect(names.filter((name) => !kinds.some((kind) => kind.test(name)))).toEqual([]);
    expect(kinds.filter((kind) => !names.some((name) => kind.test(name)))).toEqual([]);
  });

  it('has an executable launcher, which others cannot write to', () => {
    expect((files.get('bin/multiarch.js') ?? 0) & 0o777).toBe(0o755);
    expect([...files].filter(([, mode]) => (mode & 0o022) !== 0)).toEqual([]);
  });

  // npmjs.com and editors resolve them by the URL of the repository.
  it.each(['README.md', 'CHANGELOG.md'])('has links in %s that lead into it or the repository', (name) => {
    const { type, url } = manifest.repository;
    expect({ type, url }).toEqual({
      type: 'git',
      url: expect.stringMatching(/^git\+https:\/\/github\.com\//),
    });
    const links = [...proseOf(page(name)).matchAll(/\]\(([^()\s]+)\)/g)].map(([, target = '']) => target);
    const relative = links.filter((target) => !/^(https:|#)/.test(target));
    const targets = relative.map((target) => target.replace(/#.*/, ''));
    const isReached = (target: string): boolean =>
      files.has(target) || (/^[A-Za-z]/.test(target) && existsSync(join(root, target)));
    expect(targets.filter((target) => !isReached(target))).toEqual([]);
  });

  it('does the main job in an empty project: as a command, as a library, and with types', async () => {
    const project = await temporaryDirectory();
    await writeProject(project);
    const modules = join(project, 'node_modules');
    await mkdir(join(modules, '.bin'), { recursive: true });
    await mkdir(join(modules, 'multiarch'));
    await extract({ file: TARBALL, cwd: join(modules, 'multiarch'), strip: 1 });
    await symlink('../multiarch/bin/multiarch.js', join(modules, '.bin/multiarch'));
    await symlink(join(root, 'node_modules/@types'), join(modules, '@types'));
    const node = process.execPath;
    const { command, library } = await runMainJob(project, {
      command: [node, join(modules, '.bin/multiarch')],
      node,
      tsc: join(root, 'node_modules/typescript/bin/tsc'),
    });
    expect(command).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(library).toBe(command);
  }, 120_000);
});
