import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';

import type { RunningRegistry } from '../../support/docker-registry.js';
import { Repository } from '../../support/repository.js';
import { multiarch, multiarchProcess, type RunResult } from '../../support/run.js';
import { makeSandbox, type Sandbox } from '../../support/sandbox.js';
import { tinyImage, tinyIndex, writeLayout, type TinyImage } from '../../support/tiny-image.mjs';
import { CALM, ChaosProxy, type Weather } from './chaos-proxy.js';
import { Dice } from './dice.js';
import { PushStack } from './push-stack.js';
import { ReleaseState, type TagState } from './release-state.js';

const LISTS = ['1.0', '2.0'] as const;
const FURTHER_TAGS = ['1', '1.0.1', 'stable', 'latest'] as const;
const TAGS = [...LISTS, ...FURTHER_TAGS];
const ARCHITECTURES = ['amd64', 'arm64', 's390x', 'riscv64'] as const;

/** The exit codes of a command that a fault of a registry made fail. */
const FAILURE_CODES: ReadonlySet<number | null> = new Set([1, 3, 4, 6, 7]);

/** Faults that pass, as a client with its default number of retries meets them. */
const FAIR: Weather = { fault: 0.05, lasting: 0 };
const ROUGH: Weather = { fault: 0.3, lasting: 0 };
/** Faults that stay, so that commands fail. With few retries, because each failure waits for all of them. */
const BROKEN: Weather = { fault: 0.03, lasting: 0.04 };
const BROKEN_RETRIES = 2;

type Tags = ReadonlyMap<string, TagState | undefined>;

/** One command of a round, and its expected result. */
interface Plan {
  readonly name: string;
  /** A command that must succeed first, under the same faults. It moves no tag. */
  readonly before?: readonly string[];
  readonly args: readonly string[];
  /** The tag of LIST. */
  readonly list: string;
  /** The tags that may move. */
  readonly tags: readonly string[];
  /** The entries of the new index in any order. `undefined` for undo. */
  readonly entries: readonly string[] | undefined;
}

/** Counts of a lane. */
export interface Tally {
  rounds: number;
  commands: number;
  succeeded: number;
  failed: number;
  killed: number;
  /** Tags that a failed or killed command had moved. */
  moved: number;
  /** Upload sessions that the registry still has. */
  sessions: number;
  /** Temporary files that are left after a kill. */
  leftovers: number;
}

/** Rounds of commands on one repository, one after the other, through a proxy of their own. */
export class Lane {
  readonly proxy: ChaosProxy;
  readonly tally: Tally = {
    rounds: 0,
    commands: 0,
    succeeded: 0,
    failed: 0,
    killed: 0,
    moved: 0,
    sessions: 0,
    leftovers: 0,
  };
  readonly #seed: string;
  readonly #registry: RunningRegistry;
  readonly #path: string;
  readonly #sandbox: Sandbox;
  readonly #state: ReleaseState;
  readonly #pushes = new Map(LISTS.map((list) => [list as string, new PushStack()]));
  /** The architecture of each image. */
  readonly #architectures = new Map<string, string>();
  #tags: Tags = new Map();

  private constructor(
    seed: string,
    path: string,
    tools: { readonly registry: RunningRegistry; readonly proxy: ChaosProxy; readonly sandbox: Sandbox },
  ) {
    this.#seed = seed;
    this.#path = path;
    this.#registry = tools.registry;
    this.#sandbox = tools.sandbox;
    this.proxy = tools.proxy;
    this.#state = new ReleaseState(tools.registry, `${path}/app`);
  }

  /** @param name the first component of its repositories */
  static async open(seed: string, name: string, registry: RunningRegistry): Promise<Lane> {
    const [proxy, sandbox] = await Promise.all([ChaosProxy.start(registry.host), makeSandbox()]);
    await mkdir(join(sandbox.directory, 'tmp'));
    return new Lane(seed, name, { registry, proxy, sandbox });
  }

  async close(): Promise<void> {
    this.proxy.stop();
    await this.#sandbox.remove();
  }

  /**
   * Runs the commands of one round and checks what they have left.
   * @throws if anything is not as documented. The message has everything that happened.
   */
  async round(number: number): Promise<void> {
    const dice = new Dice(this.#seed, this.#path, number);
    const plan = await this.#plan(dice, number);
    const isKilled = plan.before === undefined && plan.entries !== undefined && dice.chance(0.15);
    const weather = isKilled ? FAIR : dice.pick([FAIR, ROUGH, BROKEN]);
    this.proxy.begin(`${this.#seed}|${this.#path}|${number}`, weather);
    this.tally.rounds += 1;
    const events: string[] = [];
    try {
      const isDone = await this.#attempt(plan, isKilled ? dice : undefined, events);
      if (isDone || (!isKilled && dice.chance(0.5))) return;
      // The next run, without faults, finishes.
      events.push(...this.proxy.log, 'without faults:');
      this.proxy.begin('', CALM);
      if (plan.entries !== undefined && !(await this.#attempt(plan, undefined, events))) {
        throw new Error('the command fails without faults');
      }
    } catch (error) {
      const lines = [...events, ...this.proxy.log].map((line) => `  ${line}`).join('\n');
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${this.#path}, round ${number}, ${plan.name}: ${message}\n${lines}`, { cause: error });
    } finally {
      if (plan.before !== undefined) await multiarch(this.#sandbox, ['rm', this.#name(plan.list)]);
    }
  }

  /** Runs the commands of a plan once, and checks everything. Reports whether the last one succeeded. */
  async #attempt(plan: Plan, killer: Dice | undefined, events: string[]): Promise<boolean> {
    const before = this.#tags;
    const sessions = await this.#sessions();
    if (plan.before !== undefined) {
      const { code } = await this.#run(plan.before, undefined, events);
      if (code !== 0) {
        this.#compare(plan, { before, after: await this.#readTags() }, { code, stderr: '' });
        this.tally.failed += 1;
        return false;
      }
    }
    const result = await this.#run(plan.args, killer, events);
    const after = await this.#readTags();
    for (const tag of TAGS) {
      if (before.get(tag)?.digest === after.get(tag)?.digest) continue;
      events.push(`${tag}: ${before.get(tag)?.digest ?? 'none'} -> ${after.get(tag)?.digest ?? 'none'}`);
    }
    this.#tags = after;
    this.#compare(plan, { before, after }, result);
    const isDone = result.code === 0;
    const pushes = this.#pushes.get(plan.list) ?? new PushStack();
    if (plan.entries === undefined) {
      if (isDone) pushes.undo();
    } else pushes.push(digests(before), digests(after), isDone);
    await this.#checkLeftovers(result.signal !== null, sessions);
    this.tally[isDone ? 'succeeded' : result.signal === null ? 'failed' : 'killed'] += 1;
    return isDone;
  }

  /** @param killer if given, the command runs in a process that is killed at a moment that it chooses */
  async #run(args: readonly string[], killer: Dice | undefined, events: string[]): Promise<RunResult> {
    this.tally.commands += 1;
    const retries = this.proxy.weather === BROKEN ? [`--retries=${BROKEN_RETRIES}`] : [];
    const all = [...args, ...retries, '--timeout=5m'];
    let result: RunResult;
    if (killer === undefined) result = await multiarch(this.#sandbox, all);
    else {
      const [number, delay] = [1 + killer.below(25), killer.below(20)];
      result = await multiarchProcess(this.#sandbox, all, {
        env: { TMPDIR: join(this.#sandbox.directory, 'tmp') },
        onStart: (child) => {
          this.proxy.onRequest = (request) => {
            if (request === number) setTimeout(() => child.kill('SIGKILL'), delay);
          };
        },
      });
      events.push(`killed ${delay} ms after request ${number}: ${result.signal ?? 'too late'}`);
    }
    await this.proxy.settle();
    const { code, signal, stderr } = result;
    events.push(
      `multiarch ${args.join(' ')}`,
      `exit code ${code ?? signal}`,
      ...stderr.trimEnd().split('\n'),
    );
    if (/^\s+at .*:\d+:\d+\)?$|bug in multiarch/m.test(stderr))
      throw new Error('a stack or a fault in the output');
    if (signal === null && code !== 0 && !FAILURE_CODES.has(code)) throw new Error(`exit code ${code}`);
    return result;
  }

  /** Checks that each tag is as before or as planned, as the exit code and the output say. */
  #compare(
    plan: Plan,
    { before, after }: { readonly before: Tags; readonly after: Tags },
    { code, stderr }: Pick<RunResult, 'code' | 'stderr'>,
  ): void {
    const undone =
      plan.entries === undefined ? this.#pushes.get(plan.list)?.expected(digests(before)) : undefined;
    if (plan.entries === undefined && code === 0 && undone === undefined) {
      throw new Error('undo succeeds, but the last push cannot be undone');
    }
    for (const tag of TAGS) {
      const [was, is] = [before.get(tag), after.get(tag)];
      const isNew =
        plan.entries === undefined
          ? is?.digest === undone?.get(tag) && undone?.has(tag) === true
          : plan.tags.includes(tag) && sameSet(is?.entries, plan.entries);
      const isOld = is?.digest === was?.digest;
      if (!isNew && !isOld) throw new Error(`${tag} is neither the old nor the new index`);
      const mustMove = plan.entries === undefined ? undone?.has(tag) === true : plan.tags.includes(tag);
      if (code === 0 && mustMove && !isNew) throw new Error(`exit code 0, but ${tag} has not moved`);
      if (isOld) continue;
      if (code === 0) continue;
      this.tally.moved += 1;
      // A killed process prints nothing.
      const isSaid = [`:${tag} points to ${is?.digest}`, `:${tag} cannot be read`].some((text) =>
        stderr.includes(text),
      );
      if (code !== null && !isSaid)
        throw new Error(`exit code ${code}, and nothing says that ${tag} has moved`);
    }
  }

  async #plan(dice: Dice, number: number): Promise<Plan> {
    const list = dice.pick(LISTS);
    const further = dice.some(FURTHER_TAGS, 0.4);
    const flags = further.flatMap((tag) => ['--tag', tag]);
    const name = this.#name(list);
    const common = { list, tags: [list, ...further] };
    const kind = dice.pick(['create', 'push', 'push', 'copy', 'layout', 'replace', 'undo', 'undo']);
    if (kind === 'undo' && this.#tags.get(list) !== undefined)
      return { ...common, name: 'undo', args: ['undo', name], entries: undefined };
    const images = dice
      .some(ARCHITECTURES, 0.6)
      .map((architecture) => tinyImage({ architecture, text: `${this.#seed} ${this.#path} ${number}` }));
    if (images.length === 0)
      images.push(tinyImage({ architecture: 'amd64', text: `${this.#path} ${number}` }));
    for (const { manifest, platform } of images) {
      this.#architectures.set(manifest.digest, platform?.architecture ?? '');
    }
    const entries = images.map(({ manifest }) => manifest.digest);
    const from = dice.pick(['app', 'source']);
    if (kind === 'layout') {
      const layout = `oci:${join(this.#sandbox.directory, 'layout')}:${number}`;
      await writeLayout(join(this.#sandbox.directory, 'layout'), tinyIndex(images), String(number));
      return { ...common, name: 'copy of a layout', args: ['copy', layout, name, ...flags], entries };
    }
    const sources = await this.#seedImages(images, from, number);
    if (kind === 'copy') {
      const repository = new Repository(this.#registry, `${this.#path}/${from}`);
      const index = tinyIndex(images);
      await repository.putManifest(index);
      const source = `${this.proxy.host}/${this.#path}/${from}@${index.digest}`;
      return { ...common, name: 'copy', args: ['copy', source, name, ...flags], entries };
    }
    const old = this.#tags.get(list);
    if (kind === 'replace' && old !== undefined) {
      const given = new Set(images.map(({ platform }) => platform?.architecture));
      const kept = old.entries.filter((digest) => !given.has(this.#architectures.get(digest)));
      const args = ['create', '--push', '--replace', '--from', name, name, ...sources, ...flags];
      return { ...common, name: 'replace', args, entries: [...kept, ...entries] };
    }
    if (kind === 'create') {
      const args = ['push', '--purge', name, ...flags];
      return {
        ...common,
        name: 'create, push',
        before: ['create', '--amend', name, ...sources],
        args,
        entries,
      };
    }
    return {
      ...common,
      name: 'create --push',
      args: ['create', '--push', name, ...sources, ...flags],
      entries,
    };
  }

  /** Puts images into a repository, and returns their names through the proxy. */
  #seedImages(images: readonly TinyImage[], to: string, number: number): Promise<string[]> {
    const repository = new Repository(this.#registry, `${this.#path}/${to}`);
    return Promise.all(
      images.map(async (image) => {
        const tag = `${number}-${image.platform?.architecture}`;
        await repository.add(image, tag);
        return `${this.proxy.host}/${this.#path}/${to}:${tag}`;
      }),
    );
  }

  async #readTags(): Promise<Tags> {
    return new Map(await Promise.all(TAGS.map(async (tag) => [tag, await this.#state.read(tag)] as const)));
  }

  /** Checks that no temporary files and no upload sessions are left that no fault explains. */
  async #checkLeftovers(isKilled: boolean, sessionsBefore: number): Promise<void> {
    const files = await readdir(this.#sandbox.directory, { recursive: true });
    const leftovers = files.filter((file) => /\.(?:tmp|lock)(?:$|[./])|(?:^|\/)tmp\/./.test(file));
    if (!isKilled && leftovers.length > this.tally.leftovers) {
      throw new Error(`temporary files are left: ${leftovers.join(', ')}`);
    }
    this.tally.leftovers = leftovers.length;
    const sessions = await this.#sessions();
    this.tally.sessions = sessions;
    // A killed process cannot cancel the uploads that it has begun.
    const allowed = this.proxy.uploadFaults + (isKilled ? 8 : 0);
    if (sessions - sessionsBefore > allowed) {
      throw new Error(`${sessions - sessionsBefore} more upload sessions, but ${allowed} faults of uploads`);
    }
  }

  async #sessions(): Promise<number> {
    const repositories = join(this.#registry.storage, 'docker/registry/v2/repositories', this.#path);
    const uploads = await readdir(join(repositories, 'app', '_uploads')).catch(() => []);
    return uploads.length;
  }

  #name(tag: string): string {
    return `${this.proxy.host}/${this.#path}/app:${tag}`;
  }
}

function digests(tags: Tags): ReadonlyMap<string, string | undefined> {
  return new Map(Array.from(tags, ([tag, state]) => [tag, state?.digest]));
}

function sameSet(found: readonly string[] | undefined, expected: readonly string[]): boolean {
  return found !== undefined && [...found].sort().join() === [...expected].sort().join();
}
