import { readdir, readFile, symlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { describe, expect, it, onTestFinished } from 'vitest';

import { VERSION } from '../../../src/version.js';
import { RUNS_ON_NODE } from '../../support/executable.js';
import { amd64 } from '../../support/images.js';
import { startRegistry } from '../../support/open-repository.js';
import { multiarch, run, WITHOUT_CODE_CACHE } from '../../support/run.js';
import { makeSandbox } from '../../support/sandbox.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { writeLayout } from '../../support/tiny-image.mjs';

const launcher = fileURLToPath(new URL('../../../bin/multiarch.js', import.meta.url));
const dist = fileURLToPath(new URL('../../../dist/', import.meta.url));

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly functionName: string;
      readonly ranges: readonly { readonly count: number }[];
    }[];
  }[];
}

/** What a command line loads. */
interface Loaded {
  /** The files of `dist`. */
  readonly files: readonly string[];
  /** The rooms with code that ran, and the packages: esbuild names the function of a module by its path. */
  readonly code: ReadonlySet<string>;
  /** The modules with code that ran. */
  readonly modules: readonly string[];
  readonly stdout: string;
}

/** Runs command lines in one home, the last one in a process. @returns what that one loads */
async function loaded(lines: readonly (readonly string[])[], program = launcher): Promise<Loaded> {
  const sandbox = await makeSandbox();
  onTestFinished(() => sandbox.remove());
  for (const args of lines.slice(0, -1)) await multiarch(sandbox, args);
  const coverage = await temporaryDirectory();
  const env = { ...WITHOUT_CODE_CACHE, ...sandbox.env, NODE_V8_COVERAGE: coverage };
  const last = [program, ...(lines.at(-1) ?? [])];
  const { stdout } = await run(process.execPath, last, { env, cwd: sandbox.directory });
  const reports = await Promise.all(
    (await readdir(coverage)).map(
      async (name) => JSON.parse(await readFile(join(coverage, name), 'utf8')) as Coverage,
    ),
  );
  const scripts = reports
    .flatMap(({ result }) => result)
    .filter(({ url }) => url.startsWith('file:') && fileURLToPath(url).startsWith(dist));
  const modules = scripts.flatMap(({ functions }) =>
    functions
      .filter(
        ({ functionName, ranges }) => functionName.includes('/') && ranges.some(({ count }) => count > 0),
      )
      .map(({ functionName }) => functionName),
  );
  const owners = modules.map(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? /^src\/[^/.]+/.exec(path)?.[0] ?? path,
  );
  return {
    files: scripts.map(({ url }) => basename(url)).toSorted(),
    code: new Set(owners),
    modules,
    stdout,
  };
}

const EMPTY_DRAFT = ['create', 'app:1'];
const LOCAL = ['cli.cjs', 'start.cjs'];
const REMOTE = ['cli.cjs', 'got-library.cjs', 'start.cjs'];

describe.runIf(RUNS_ON_NODE)('the code that is loaded', () => {
  it('is that of the start for --version', async () => {
    const { files, stdout } = await loaded([['--version']]);
    expect(stdout).toBe(`multiarch ${VERSION}\n`);
    expect(files).toEqual(['start.cjs']);
  });

  it.each([
    'docker-multiarch',
    // A name on Windows.
    'docker-multiarch.exe',
  ])('is that of the start for the plugin metadata, which docker asks %s for on every run', async (name) => {
    const plugin = join(await temporaryDirectory(), name);
    await symlink(launcher, plugin);
    const { files, stdout } = await loaded([['docker-cli-plugin-metadata']], plugin);
    expect(JSON.parse(stdout)).toMatchObject({ Version: VERSION });
    expect(files).toEqual(['start.cjs']);
  });

  it.each([[['--help']], [['create', '--help']], [['push', '--help']]])(
    'excludes what commands do for %j',
    async (args) => {
      const { files, code } = await loaded([args]);
      expect(files).toEqual(LOCAL);
      for (const room of ['registry', 'http', 'auth', 'publish']) {
        expect(code).not.toContain(`src/${room}`);
      }
    },
  );

  it('includes yargs for a misspelt name', async () => {
    expect((await loaded([['psuh']])).files).toEqual([...LOCAL, 'yargs-library.cjs']);
  });

  it.each([
    [['ls']],
    [['rm', 'app:1']],
    [['annotate', 'app:1', '--annotation', 'a=b']],
    [['inspect', 'app:1']],
  ])('includes neither publishing nor reading for %j', async (args) => {
    const { files, code } = await loaded([EMPTY_DRAFT, args]);
    expect(files).toEqual(LOCAL);
    expect(code).toContain('src/drafts');
    const excluded = ['src/assemble', 'src/publish', 'src/registry', 'yargs', 'got', 'ora'];
    if (args[0] === 'inspect') excluded.splice(0, 1);
    expect(excluded.filter((room) => code.has(room))).toEqual([]);
  });

  it.each([[['create', 'app:2']], [['push', 'app:2']], [['create', 'app:2', 'oci:layout:v1']]])(
    'excludes the HTTP client for %j',
    async (args) => {
      const layout = await temporaryDirectory();
      await writeLayout(layout, amd64, 'v1');
      const named = args.map((arg) => arg.replace('oci:layout', `oci:${layout}`));
      const { files, code } = await loaded([EMPTY_DRAFT, named]);
      expect(files).toEqual(LOCAL);
      expect(code).not.toContain('src/registry');
    },
  );

  it.each([['inspect'], ['create'], ['push']])(
    'includes the HTTP client for a registry, but no spinner if nothing is drawn: %s',
    async (command) => {
      const registry = await startRegistry();
      registry.put('app', amd64, '1');
      const name = `${registry.host}/app:1`;
      const draft = `${registry.host}/app:2`;
      const lines = {
        inspect: [['inspect', name]],
        create: [['create', draft, name, '--push']],
        push: [
          ['create', draft, name],
          ['push', draft],
        ],
      }[command];
      const { files, modules } = await loaded(lines ?? []);
      expect(files).toEqual(REMOTE);
      // Of the layouts, only what tells their names apart.
      expect(
        modules.filter((path) => /^src\/layout\/(?:core|directory|docker-save|oci-archive)\//.test(path)),
      ).toEqual([]);
    },
  );

  it('includes the YAML library for YAML only', async () => {
    const { files } = await loaded([
      [
        'validate',
        fileURLToPath(new URL('../../../docs/assembly-file.md', import.meta.url)),
        '--as',
        'assembly',
      ],
    ]);
    expect(files).toContain('yaml-library.cjs');
    expect(files).not.toContain('got-library.cjs');
  });
});
