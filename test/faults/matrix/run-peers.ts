import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { MemoryRegistry } from '../../support/memory-registry.js';
import { tinyImage, tinyIndex } from '../../support/tiny-image.mjs';
import { PEER_CELLS, type PeerCell } from './peer-cells.js';

const LOGIN = { username: 'ci', password: 'secret' } as const;
const LIMIT = 60_000;

type Command = readonly [program: string, ...args: string[]];

/** The commands of each client for each job, one after another. A client without commands cannot do the job. */
type Jobs = { readonly [job in NonNullable<PeerCell['job']>]?: readonly Command[] };

function clients(host: string): Readonly<Record<string, Jobs>> {
  const app = `${host}/app`;
  const sources = [`${app}:amd64`, `${app}:arm64`];
  const multiarch = ['node', 'bin/multiarch.js'] as const;
  const docker = ['docker', 'manifest'] as const;
  const joined: Command[] = [
    [...docker, 'create', '--insecure', `${app}:1.0`, ...sources],
    [...docker, 'push', '--insecure', `${app}:1.0`],
  ];
  const append: Command = [
    'crane',
    'index',
    'append',
    '--insecure',
    ...sources.flatMap((name) => ['-m', name]),
  ];
  const oras = ['oras', 'manifest', 'index', 'create', '--plain-http'] as const;
  const buildx = ['docker-buildx', 'imagetools', 'create'] as const;
  return {
    multiarch: {
      join: [[...multiarch, 'create', '--push', `${app}:1.0`, ...sources]],
      'two tags': [[...multiarch, 'create', '--push', `${app}:1.0`, '-t', 'latest', ...sources]],
      copy: [[...multiarch, 'copy', `${host}/build:1.0`, `${app}:1.0`]],
    },
    'docker manifest': {
      join: joined,
      'two tags': [
        ...joined,
        [...docker, 'create', '--insecure', `${app}:latest`, ...sources],
        [...docker, 'push', '--insecure', `${app}:latest`],
      ],
    },
    crane: {
      join: [[...append, '-t', `${app}:1.0`]],
      'two tags': [
        [...append, '-t', `${app}:1.0`],
        ['crane', 'tag', '--insecure', `${app}:1.0`, 'latest'],
      ],
      copy: [['crane', 'copy', '--insecure', `${host}/build:1.0`, `${app}:1.0`]],
    },
    oras: {
      join: [[...oras, `${app}:1.0`, 'amd64', 'arm64']],
      'two tags': [[...oras, `${app}:1.0,latest`, 'amd64', 'arm64']],
      copy: [['oras', 'cp', '--from-plain-http', '--to-plain-http', `${host}/build:1.0`, `${app}:1.0`]],
    },
    buildx: {
      join: [[...buildx, '-t', `${app}:1.0`, ...sources]],
      'two tags': [[...buildx, '-t', `${app}:1.0`, '-t', `${app}:latest`, ...sources]],
      copy: [[...buildx, '-t', `${app}:1.0`, `${host}/build:1.0`]],
    },
  };
}

/** Runs the job of a cell with one client. Returns exit code, seconds and which tags moved. */
async function runPeer(client: string, cell: PeerCell): Promise<string> {
  const { job = 'join', times, matches, respond } = cell;
  let count = 0;
  const registry = await MemoryRegistry.start({
    mounts: 'always202',
    auth: { kind: 'bearer', ...LOGIN },
    fault: (request, next) => {
      if (!matches(request) || count === times) return next();
      count += 1;
      return respond(next, registry);
    },
  });
  const home = await mkdtemp(join(tmpdir(), 'multiarch-peers-'));
  try {
    const commands = clients(registry.host)[client]?.[job];
    if (commands === undefined) return '';
    const [amd64, arm64, s390x] = (['amd64', 'arm64', 's390x'] as const).map((architecture) =>
      tinyImage({ architecture }),
    );
    if (amd64 === undefined || arm64 === undefined || s390x === undefined) return '';
    if (job === 'copy') registry.put('build', tinyIndex([amd64, arm64]), '1.0');
    else for (const image of [amd64, arm64]) registry.put('app', image, image.platform?.architecture);
    const old = tinyIndex([s390x]);
    for (const tag of ['1.0', 'latest']) registry.put('app', old, tag);
    await logIn(home, registry.host);
    const startedAt = performance.now();
    let code: number | string = 0;
    for (const command of commands) if (code === 0) code = await exitCode(command, home);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const moved = ['1.0', 'latest'].filter((tag) => registry.manifest('app', tag)?.digest !== old.digest);
    const wanted = job === 'two tags' ? 2 : 1;
    const state = moved.length === wanted ? 'new' : moved.length === 0 ? 'old' : 'half';
    return `exit ${code}, ${state}, ${seconds} s`;
  } finally {
    await registry.close();
    await rm(home, { recursive: true, force: true });
  }
}

async function logIn(home: string, host: string): Promise<void> {
  const auth = Buffer.from(`${LOGIN.username}:${LOGIN.password}`).toString('base64');
  await mkdir(join(home, '.docker'));
  const config = { auths: { [host]: { auth } }, experimental: 'enabled' };
  await writeFile(join(home, '.docker/config.json'), JSON.stringify(config));
}

function exitCode([program, ...args]: Command, home: string): Promise<number | string> {
  return new Promise<number | string>((resolve) => {
    const env = { PATH: process.env['PATH'], HOME: home, DOCKER_CONFIG: join(home, '.docker') };
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: LIMIT });
    let text = '';
    child.stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
    child.once('error', () => resolve('missing'));
    child.once('close', (code) => {
      if (process.env['VERBOSE'] !== undefined)
        process.stderr.write(`${program} ${args[0]} ${code}\n${text}\n`);
      resolve(code ?? `after ${LIMIT / 1000} s`);
    });
  });
}

/** Prints a table of all cells and clients. */
export async function runPeers(): Promise<void> {
  const names = Object.keys(clients(''));
  const lines = [`| fault | ${names.join(' | ')} |`, `| --- |${' --- |'.repeat(names.length)}`];
  for (const line of lines) console.log(line);
  for (const cell of PEER_CELLS) {
    const results: string[] = [];
    for (const name of names) results.push(await runPeer(name, cell));
    console.log(`| ${cell.title} | ${results.join(' | ')} |`);
  }
}
