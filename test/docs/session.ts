import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { COMMAND, RUNS_ON_NODE } from '../support/executable.js';
import { multiarch, run, WITHOUT_CODE_CACHE, type RunResult } from '../support/run.js';
import { logIn, makeSandbox, type Sandbox } from '../support/sandbox.js';
import { MemoryRegistry, type MemoryRegistryOptions } from '../support/memory-registry.js';
import { CommandServer } from './command-server.js';

/** The home directory in the pages. */
const READERS_HOME = '/home/you';
/** The working directory in the pages. */
const READERS_DIRECTORY = `${READERS_HOME}/demo`;
/** Separates the outputs of commands. */
const MARK = '\u001e\n';

/** A command of a page with the output that the page states. */
export interface Command {
  readonly command: string;
  readonly expected: readonly string[];
}

/** Reads a `console` block: commands after `$ `, each followed by its output. */
export function commandsOf(code: string): Command[] {
  const commands: { command: string; expected: string[] }[] = [];
  for (const line of code.split('\n')) {
    const current = commands.at(-1);
    if (line.startsWith('$ ')) commands.push({ command: line.slice(2), expected: [] });
    else if (current === undefined) throw new Error(`output before the first command: ${line}`);
    else current.expected.push(line);
  }
  return commands;
}

/** The environment of a reader: a directory, registries under the names that the pages use, and the command on the PATH. */
export class Session {
  readonly directory: string;
  readonly registry: MemoryRegistry;
  readonly sandbox: Sandbox;
  /** Keyed by the host name in the page. */
  readonly #registries = new Map<string, MemoryRegistry>();
  /** Environment variables of the job. */
  readonly #env = new Map<string, string>();
  #commands: CommandServer | undefined;

  private constructor(sandbox: Sandbox, registry: MemoryRegistry, registryName: string) {
    this.sandbox = sandbox;
    this.directory = join(sandbox.directory, 'demo');
    this.registry = registry;
    this.#registries.set(registryName, registry);
  }

  /** @param registryName the host name in the page */
  static async start(registryName: string, options: MemoryRegistryOptions = {}): Promise<Session> {
    const sandbox = await makeSandbox();
    const registry = await MemoryRegistry.start(options);
    const session = new Session(sandbox, registry, registryName);
    const bin = join(sandbox.directory, 'bin');
    await mkdir(session.directory);
    await mkdir(bin);
    await writeFile(join(bin, 'multiarch'), await session.#launcher());
    await chmod(join(bin, 'multiarch'), 0o755);
    session.setVariable('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
    // The pages omit progress. A flag would be an argument of `__complete`.
    session.setVariable('MULTIARCH_PROGRESS', 'none');
    return session;
  }

  /** Starts another registry. @param name the host name in the page */
  async addRegistry(name: string, options: MemoryRegistryOptions = {}): Promise<MemoryRegistry> {
    const registry = await MemoryRegistry.start(options);
    this.#registries.set(name, registry);
    return registry;
  }

  setVariable(name: string, value: string): void {
    this.#env.set(name, value);
  }

  /** Saves the login of this account, as `docker login` does. */
  logIn(username: string, password: string): Promise<void> {
    return logIn(this.sandbox, this.registry.host, { username, password });
  }

  /** Saves a file of a page in the working directory. */
  save(name: string, code: string): Promise<void> {
    return writeFile(join(this.directory, name), this.toReal(code));
  }

  /** Runs commands in one shell. Returns the lines that each command printed on both streams. */
  async run(commands: readonly string[]): Promise<string[][]> {
    // Preserves `$?` of the previous command.
    const mark = String.raw`status=$?; printf '\036\n'; (exit "$status")`;
    const script = ['exec 2>&1', ...commands.flatMap((command) => [mark, command])].join('\n');
    const { stdout } = await this.#bash(script);
    return stdout
      .split(MARK)
      .slice(1)
      .map((text) => this.toWritten(text).replace(/\n$/, ''))
      .map((text) => (text === '' ? [] : text.split('\n')));
  }

  /** Runs a script that must succeed. Returns its stdout. */
  async runScript(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.#bash(`set -eo pipefail\n${script}`);
    if (code !== 0) throw new Error(`the script ended with ${code}\n${script}\n${stdout}\n${stderr}`);
    return this.toWritten(stdout);
  }

  /** Runs the built command in the process of the test, which is faster than a shell. */
  multiarch(args: readonly string[], stdin = ''): Promise<RunResult> {
    const options = { cwd: this.directory, stdin };
    return multiarch(
      this.sandbox,
      args.map((arg) => this.toReal(arg)),
      options,
    );
  }

  async stop(): Promise<void> {
    await this.#commands?.stop();
    for (const registry of this.#registries.values()) await registry.close();
    await this.sandbox.remove();
  }

  async #launcher(): Promise<string> {
    if (process.platform !== 'linux' || !RUNS_ON_NODE) {
      return `#!/bin/sh\nexec ${COMMAND.map((each) => `'${each}'`).join(' ')} "$@"\n`;
    }
    this.#commands = await CommandServer.start();
    return this.#commands.launcher;
  }

  /** Both outputs are files, which the {@link CommandServer} can open, unlike the sockets that Node connects to a process. */
  async #bash(script: string): Promise<RunResult> {
    const env = Object.fromEntries([...this.#env].map(([name, value]) => [name, this.toReal(value)]));
    const [out, err] = ['stdout', 'stderr'].map((name) => join(this.sandbox.directory, name));
    const files = `exec < /dev/null >> '${out}' 2>> '${err}'`;
    await Promise.all([out, err].map((file = '') => writeFile(file, '')));
    const result = await run('bash', ['-c', `${files}\n${this.toReal(script)}`], {
      cwd: this.directory,
      env: { ...WITHOUT_CODE_CACHE, ...this.sandbox.env, ...env },
    });
    const [stdout = '', stderr = ''] = await Promise.all(
      [out, err].map((file = '') => readFile(file, 'utf8')),
    );
    return { ...result, stdout, stderr };
  }

  /** Replaces the host names of the page with those of the registries. */
  toReal(text: string): string {
    return [...this.#registries].reduce((real, [name, { host }]) => real.replaceAll(name, host), text);
  }

  /**
   * Replaces hosts and directories with those of the page. File names of drafts contain the host with an escaped colon. The
   * registries of a reader have TLS.
   */
  toWritten(text: string): string {
    return [...this.#registries]
      .reduce(
        (written, [name, { host }]) =>
          written
            .replaceAll(`http://${host}`, `https://${name}`)
            .replaceAll(host, name)
            .replaceAll(host.replace(':', '%3a'), name),
        text,
      )
      .replaceAll(this.directory, READERS_DIRECTORY)
      .replaceAll(join(this.sandbox.directory, 'home'), READERS_HOME);
  }
}
