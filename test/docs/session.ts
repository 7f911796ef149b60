import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { run } from '../support/run.js';
import { logIn, makeSandbox, type Sandbox } from '../support/sandbox.js';
import { MemoryRegistry, type MemoryRegistryOptions } from '../support/memory-registry.js';
import { root } from './markdown.js';

/** What the pages call a reader's home. */
const READERS_HOME = '/home/you';
/** What the pages call the directory that a reader works in. */
const READERS_DIRECTORY = `${READERS_HOME}/demo`;
/** Stands before each command's output. */
const MARK = '\u001e\n';

/** A command of a page with what the page says that it prints. */
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

/** A reader at work: a directory, registries that go by the names that the page gives them, and the tool on the PATH. */
export class Session {
  readonly directory: string;
  readonly registry: MemoryRegistry;
  readonly #sandbox: Sandbox;
  /** By the hosts that the page writes. */
  readonly #registries = new Map<string, MemoryRegistry>();
  /** Variables of the job that a script runs in. */
  readonly #env = new Map<string, string>();

  private constructor(sandbox: Sandbox, registry: MemoryRegistry, registryName: string) {
    this.#sandbox = sandbox;
    this.directory = join(sandbox.directory, 'demo');
    this.registry = registry;
    this.#registries.set(registryName, registry);
  }

  /** @param registryName the host that the page writes */
  static async start(registryName: string, options: MemoryRegistryOptions = {}): Promise<Session> {
    const sandbox = await makeSandbox();
    const registry = await MemoryRegistry.start(options);
    const session = new Session(sandbox, registry, registryName);
    const bin = join(sandbox.directory, 'bin');
    await mkdir(session.directory);
    await mkdir(bin);
    // Progress is what the pages leave out.
    const launcher = `#!/bin/sh\nexec '${process.execPath}' '${root}bin/multiarch.js' "$@" --progress none\n`;
    await writeFile(join(bin, 'multiarch'), launcher);
    await chmod(join(bin, 'multiarch'), 0o755);
    session.setVariable('PATH', `${bin}:${process.env['PATH'] ?? ''}`);
    return session;
  }

  /** Starts another registry. @param name the host that the page writes */
  async addRegistry(name: string): Promise<MemoryRegistry> {
    const registry = await MemoryRegistry.start();
    this.#registries.set(name, registry);
    return registry;
  }

  setVariable(name: string, value: string): void {
    this.#env.set(name, value);
  }

  /** Gives the reader this account's login, as `docker login` would. */
  logIn(username: string, password: string): Promise<void> {
    return logIn(this.#sandbox, this.registry.host, { username, password });
  }

  /** Puts a page's file where the reader works. */
  save(name: string, code: string): Promise<void> {
    return writeFile(join(this.directory, name), this.#toReal(code));
  }

  /** Runs commands one after the other in one shell; gives the lines that each printed, on both streams. */
  async run(commands: readonly string[]): Promise<string[][]> {
    // `$?` still is that of the command before.
    const mark = String.raw`status=$?; printf '\036\n'; (exit "$status")`;
    const script = ['exec 2>&1', ...commands.flatMap((command) => [mark, command])].join('\n');
    const { stdout } = await this.#bash(script);
    return stdout
      .split(MARK)
      .slice(1)
      .map((text) => this.#toWritten(text).replace(/\n$/, ''))
      .map((text) => (text === '' ? [] : text.split('\n')));
  }

  /** Runs a job's script, which has to succeed; gives its output. */
  async runScript(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.#bash(`set -eo pipefail\n${script}`);
    if (code !== 0) throw new Error(`the script ended with ${code}\n${script}\n${stdout}\n${stderr}`);
    return this.#toWritten(stdout);
  }

  async stop(): Promise<void> {
    for (const registry of this.#registries.values()) await registry.close();
    await this.#sandbox.remove();
  }

  #bash(script: string): ReturnType<typeof run> {
    const env = Object.fromEntries([...this.#env].map(([name, value]) => [name, this.#toReal(value)]));
    return run('bash', ['-c', this.#toReal(script)], {
      cwd: this.directory,
      env: { ...this.#sandbox.env, ...env },
    });
  }

  #toReal(text: string): string {
    return [...this.#registries].reduce((real, [name, { host }]) => real.replaceAll(name, host), text);
  }

  /** File names of drafts hold the host with its colon escaped. */
  #toWritten(text: string): string {
    return [...this.#registries]
      .reduce(
        (written, [name, { host }]) =>
          written.replaceAll(host, name).replaceAll(host.replace(':', '%3a'), name),
        text,
      )
      .replaceAll(this.directory, READERS_DIRECTORY)
      .replaceAll(join(this.#sandbox.directory, 'home'), READERS_HOME);
  }
}
