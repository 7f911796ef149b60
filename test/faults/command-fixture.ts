import { chmod, mkdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { LAUNCHER, RUNS_ON_NODE } from '../support/executable.js';
import { amd64, arm64, pair } from '../support/images.js';
import { MemoryRegistry } from '../support/memory-registry.js';
import { multiarch, run, WITHOUT_CODE_CACHE, type RunOptions, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { writeLayout } from '../support/tiny-image.mjs';

interface ProcessOptions extends RunOptions {
  readonly via?: readonly string[];
  readonly nodeOptions?: readonly string[];
}

/** The environment of commands that are killed or disturbed: a sandbox, a registry, and sources in an image layout. */
export class CommandFixture {
  readonly sandbox: Sandbox;
  readonly registry: MemoryRegistry;
  /** Holds everything that commands change. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;

  private constructor(sandbox: Sandbox, registry: MemoryRegistry, name: string) {
    this.sandbox = sandbox;
    this.registry = registry;
    this.root = join(sandbox.directory, name);
    this.env = {
      MULTIARCH_STORE: this.path('drafts'),
      DOCKER_CONFIG: this.path('docker'),
      XDG_CACHE_HOME: this.path('cache'),
      TMPDIR: this.path('tmp'),
    };
  }

  /** @param name the name of the directory that holds everything */
  static async start(name = 'root'): Promise<CommandFixture> {
    const sandbox = await makeSandbox();
    // Tests run commands as another user.
    await chmod(sandbox.directory, 0o755);
    return new CommandFixture(sandbox, await MemoryRegistry.start(), name);
  }

  async remove(): Promise<void> {
    await this.registry.close();
    await this.sandbox.remove();
  }

  path(...names: readonly string[]): string {
    return join(this.root, ...names);
  }

  /** Replaces `REGISTRY` by the host of the registry, and `ROOT` by the directory. */
  resolve(args: readonly string[]): string[] {
    return args.map((arg) => arg.replace('REGISTRY', this.registry.host).replace('ROOT', this.root));
  }

  /** Runs a command in a process of its own. `via` is a program that starts it, with its arguments. */
  runProcess(
    args: readonly string[],
    { via = [], nodeOptions = [], ...options }: ProcessOptions = {},
  ): Promise<RunResult> {
    const [program = '', ...rest] = [
      ...via,
      ...(RUNS_ON_NODE ? [process.execPath, ...nodeOptions] : []),
      LAUNCHER,
      ...this.resolve(args),
    ];
    const env = { ...WITHOUT_CODE_CACHE, ...this.sandbox.env, ...this.env, ...options.env };
    return run(program, rest, { ...options, env, cwd: this.root });
  }

  /** Runs a command in the process of the test. */
  run(args: readonly string[], stdin = ''): Promise<RunResult> {
    return multiarch(this.sandbox, this.resolve(args), { env: this.env, cwd: this.root, stdin });
  }

  async mustRun(args: readonly string[], stdin?: string): Promise<void> {
    const { code, stderr } = await this.run(args, stdin);
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}\n${stderr}`);
  }

  /** Makes the sources and the tag `app:1`, and removes everything else. */
  async reset(): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
    for (const name of ['tmp', 'out']) await mkdir(this.path(name), { recursive: true });
    await writeLayout(this.path('source'), amd64, 'amd64');
    await writeLayout(this.path('source'), arm64, 'arm64');
    this.registry.put('app', pair, '1');
  }

  /** Returns the digest of the complete image or index with this name, `missing`, or `broken: ` and the output. */
  async imageState(name: string): Promise<string> {
    const copy = this.path('tmp', 'copy');
    const { code, stdout, stderr } = await this.run(['copy', '--quiet', name, `oci:${copy}:copy`]);
    await rm(copy, { recursive: true, force: true });
    if (code === 0) return stdout.trim();
    // Content of the image may be missing as well.
    const inspected = await this.run(['inspect', '--json', '--published', name]);
    return inspected.code === 3 ? 'missing' : `broken: ${inspected.stdout}${stderr}`;
  }

  async imageStates(names: readonly string[]): Promise<string[]> {
    const states: string[] = [];
    for (const name of names) states.push(await this.imageState(name));
    return states;
  }

  async draftState(): Promise<string> {
    const { code, stdout, stderr } = await this.run(['ls', '--json']);
    if (code !== 0 || stderr !== '') return `broken: ${stderr}`;
    const { drafts } = JSON.parse(stdout) as { readonly drafts: readonly { readonly reference: string }[] };
    const texts = await Promise.all(drafts.map(({ reference }) => this.run(['inspect', reference])));
    return JSON.stringify(texts.map((text) => text.stdout));
  }

  /** Returns the digest in a report of a push. Its other members depend on the previous digest of the tag. */
  async reportedDigest(...names: readonly string[]): Promise<string> {
    const text = await this.fileState(...names);
    return text === 'missing' ? text : (JSON.parse(text) as { digest: string }).digest;
  }

  async fileState(...names: readonly string[]): Promise<string> {
    const path = this.path(...names);
    return (await stat(path).catch(() => undefined)) === undefined ? 'missing' : readFile(path, 'utf8');
  }
}
