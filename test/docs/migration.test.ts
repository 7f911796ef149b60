// The tables of docs/migration: every command of multiarch is run. With MULTIARCH_PEERS=required, the commands of the other tools are
// run too, and what they publish is compared.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { keptImage, savedParts } from '../support/docker-save.js';
import { amd64, arm64, s390x } from '../support/images.js';
import type { MemoryRegistry } from '../support/memory-registry.js';
import { dockerManifest, podman, skopeo } from '../support/peers.js';
import { run, type RunResult } from '../support/run.js';
import { tarFile } from '../support/tar-file.js';
import { tinyIndex } from '../support/tiny-image.mjs';
import { pages } from './markdown.js';
import { Session } from './session.js';
import { migrationRows, wordsOf, type MigrationRow } from './tables.js';

const [REGISTRY, OTHER] = ['reg.example', 'prod.example'];
/** The tools whose commands are run. regctl and manifest-tool have no package that the tests could install. */
const TOOLS = new Set(['docker', 'crane', 'oras', 'podman', 'skopeo']);

const migrationPages = pages()
  .filter(({ path }) => path.startsWith('docs/migration/'))
  .map((page) => ({ page, rows: migrationRows(page) }))
  .filter(({ rows }) => rows.length > 0);

/** Registries and files as the tables assume them. */
class World {
  readonly #session: Session;
  readonly #other: MemoryRegistry;

  private constructor(session: Session, other: MemoryRegistry) {
    this.#session = session;
    this.#other = other;
  }

  static async open(): Promise<World> {
    const session = await Session.start(REGISTRY ?? '', { referrers: {}, deletes: 'tags' });
    const other = await session.addRegistry(OTHER ?? '', { deletes: 'tags' });
    for (const [architecture, image] of Object.entries({ amd64, arm64, s390x })) {
      session.registry.put('app', image, `1.2-${architecture}`);
    }
    session.registry.put('app', tinyIndex([amd64, arm64, s390x]), '1.1');
    const saved = savedParts([keptImage(['acme/app:1.2'])]);
    await writeFile(join(session.directory, 'arm64.tar'), tarFile(saved));
    const { mediaType, size, digest } = amd64.manifest;
    await session.save('descriptor.json', JSON.stringify({ mediaType, size, digest }));
    await session.save('password.txt', 'secret');
    await session.save('config.json', '{"auths":{}}');
    const images = ['amd64', 'arm64'].map((architecture) => ({
      image: `${REGISTRY}/app:1.2-${architecture}`,
      platform: { os: 'linux', architecture },
    }));
    await session.save('app.yml', JSON.stringify({ image: `${REGISTRY}/app:1.2`, manifests: images }));
    return new World(session, other);
  }

  close(): Promise<void> {
    return this.#session.stop();
  }

  /** Runs a command of multiarch. */
  async after(command: string): Promise<RunResult> {
    const { words, stdin } = await this.#read(command);
    return this.#session.multiarch(words.slice(1), stdin);
  }

  /** Runs a command of another tool. */
  async before(command: string): Promise<RunResult> {
    const { sandbox, directory } = this.#session;
    const { words, stdin } = await this.#read(command);
    const [tool, first = '', ...rest] = words.map((word) => this.#session.toReal(word));
    const options = { cwd: directory, stdin };
    if (tool === 'skopeo') return skopeo(sandbox, [first, ...rest], options);
    if (tool === 'podman') {
      const file = join(sandbox.directory, 'registries.conf');
      const hosts = [this.#session.registry, this.#other].map(
        ({ host }) => `[[registry]]\nlocation = "${host}"\ninsecure = true\n`,
      );
      await writeFile(file, hosts.join('\n'));
      return podman(sandbox, [first, ...rest], { ...options, env: { CONTAINERS_REGISTRIES_CONF: file } });
    }
    if (first === 'manifest' && tool === 'docker') {
      const [subcommand = '', ...args] = rest;
      const insecure = ['create', 'inspect', 'push'].includes(subcommand) ? ['--insecure'] : [];
      return dockerManifest(sandbox, [subcommand, ...insecure, ...args], options);
    }
    const program = tool === 'docker' ? 'docker-buildx' : (tool ?? '');
    const args = tool === 'docker' ? rest : [first, ...rest, ...(tool === 'oras' ? plainHttp(first) : [])];
    return run(program, args, { ...options, env: sandbox.env });
  }

  toWritten(output: string): string {
    return this.#session.toWritten(output);
  }

  /** What each tag of both registries holds: the annotations and entries of an index, or the digest of an image. */
  published(): Record<string, unknown> {
    const named = [
      [REGISTRY, this.#session.registry],
      [OTHER, this.#other],
    ] as const;
    return Object.fromEntries(
      named.flatMap(([name, registry]) =>
        registry.tags('app').map((tag) => [`${name}/app:${tag}`, contentOf(registry, tag)]),
      ),
    );
  }

  async #read(command: string): Promise<{ words: string[]; stdin: string }> {
    const { words, stdin } = wordsOf(command.replaceAll('DIGEST', arm64.manifest.digest));
    const file = stdin === undefined ? undefined : join(this.#session.directory, stdin);
    return { words, stdin: file === undefined ? '' : await readFile(file, 'utf8') };
  }
}

/** The flags for plain HTTP of a command of oras. */
function plainHttp(command: string): readonly string[] {
  return command === 'cp' ? ['--from-plain-http', '--to-plain-http'] : ['--plain-http'];
}

interface Content {
  readonly annotations?: object;
  readonly manifests?: readonly { readonly digest: string; readonly platform?: object }[];
}

function contentOf(registry: MemoryRegistry, tag: string): unknown {
  // Tools compress the layers of `docker save` differently.
  if (tag === 'from-file') return 'an image';
  const { bytes, digest } = registry.manifest('app', tag) ?? { bytes: Buffer.from('{}') };
  const { annotations = {}, manifests } = JSON.parse(bytes.toString()) as Content;
  if (manifests === undefined) return digest;
  const entries = manifests.map((entry) => [
    entry.digest,
    JSON.stringify(Object.entries(entry.platform ?? {}).sort()),
  ]);
  return { annotations, entries: entries.sort() };
}

/** Commands of multiarch that print the same as the other tool. podman prints its own form of a draft. */
const PRINTS_THE_SAME = /^multiarch (?:digest|tags(?! --json)|inspect(?! .*--format))/;

/** Returns the standard output. */
async function mustSucceed(row: MigrationRow, command: string, result: Promise<RunResult>): Promise<string> {
  const { code, stdout, stderr } = await result;
  // `diff` found a difference.
  const expected = command.startsWith('multiarch diff') ? 1 : 0;
  expect({ where: row.where, command, code, output: code === expected ? '' : stdout + stderr }).toEqual({
    where: row.where,
    command,
    code: expected,
    output: '',
  });
  return stdout;
}

describe('every multiarch command of the migration tables succeeds', () => {
  it('in eight pages', () => {
    expect(migrationPages).toHaveLength(8);
    expect(migrationPages.flatMap(({ rows }) => rows).length).toBeGreaterThan(90);
  });

  it.each(migrationPages)('$page.path', async ({ rows }) => {
    const world = await World.open();
    try {
      for (const row of rows) {
        for (const command of row.after) await mustSucceed(row, command, world.after(command));
      }
    } finally {
      await world.close();
    }
  });
});

describe.skipIf(process.env['MULTIARCH_PEERS'] !== 'required')('the other tool publishes the same', () => {
  const ofTools = migrationPages.filter(({ rows }) =>
    rows.some(({ before: [command = ''] }) => TOOLS.has(command.split(' ', 1)[0] ?? '')),
  );

  it.each(ofTools)('$page.path', { timeout: 120_000 }, async ({ rows }) => {
    const [theirs, ours] = [await World.open(), await World.open()];
    try {
      for (const row of rows.filter(({ before }) => TOOLS.has(before[0]?.split(' ', 1)[0] ?? ''))) {
        const [before = '', after = ''] = [row.before[0], row.after.at(-1)];
        const theirOutput = await mustSucceed(row, before, theirs.before(before));
        let ourOutput = '';
        for (const command of row.after) ourOutput = await mustSucceed(row, command, ours.after(command));
        if (row.after.length === 1 && PRINTS_THE_SAME.test(after) && !before.startsWith('podman')) {
          expect(ours.toWritten(ourOutput).trimEnd()).toBe(theirs.toWritten(theirOutput).trimEnd());
        }
        expect({ where: row.where, published: ours.published() }).toEqual({
          where: row.where,
          published: theirs.published(),
        });
      }
    } finally {
      await Promise.all([theirs.close(), ours.close()]);
    }
  });
});
