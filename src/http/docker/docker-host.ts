import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';

import { ArgumentError, FailedError, UnavailableError } from '../../oci/errors.js';

/** Where a docker daemon listens. */
export type DockerHost =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tcp';
      /** Without brackets. */
      readonly hostname: string;
      readonly port: number;
      /** What stands before the path of every request, without a slash at its end. */
      readonly prefix: string;
      /** Set where the daemon is to be spoken to over TLS. */
      readonly certificates?: string | undefined;
    };

export interface Surroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly homeDirectory: string;
  readonly platform: NodeJS.Platform;
}

export const RUNNING_HINT =
  'Check that docker is running and what DOCKER_HOST says, or save the image to a file and name that as docker-archive:FILE.';

const WINDOWS_PIPE = '//./pipe/docker_engine';
const [PLAIN_PORT, TLS_PORT] = [2375, 2376];

/**
 * The daemon that `DOCKER_HOST` names, else the one of this machine: `/var/run/docker.sock`, or that of a docker that
 * runs without root's rights (`$XDG_RUNTIME_DIR/docker.sock`) or as Docker Desktop (`~/.docker/run/docker.sock`).
 *
 * @throws ArgumentError for a `DOCKER_HOST` that cannot be used, UnavailableError where this machine has no daemon
 */
export function dockerHost({ env, homeDirectory, platform }: Surroundings): DockerHost {
  const named = env['DOCKER_HOST'] ?? '';
  if (named === '') return { kind: 'socket', path: ownSocket(env, homeDirectory, platform) };
  const [, scheme = 'tcp', rest = named] = /^([a-z]+):\/\/(.*)$/s.exec(named) ?? [];
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) return refuse('unix:// needs an absolute path');
    return { kind: 'socket', path: rest };
  }
  if (scheme === 'npipe') {
    if (platform !== 'win32') return refuse('only Windows has named pipes');
    return { kind: 'socket', path: rest.replaceAll('\\', '/') };
  }
  if (scheme === 'tcp') return tcpHost(rest, env, homeDirectory);
  if (scheme === 'ssh') {
    return refuse(
      'a daemon over ssh is not supported',
      'Run `docker save IMAGE -o FILE` and name the file as docker-archive:FILE.',
    );
  }
  return refuse('it must begin with unix://, tcp:// or npipe://');
}

/**
 * What a daemon that is spoken to over TLS is checked by, and what it knows us by.
 * @param directory with `ca.pem`, `cert.pem` and `key.pem`, each of which may be missing
 * @throws FailedError where one cannot be read
 */
export async function readCertificates(directory: string): Promise<SecureContextOptions> {
  const [ca, cert, key] = await Promise.all(
    ['ca.pem', 'cert.pem', 'key.pem'].map((name) => readCertificate(join(directory, name))),
  );
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
}

/** For messages. */
export function describeHost(host: DockerHost): string {
  if (host.kind === 'socket') return host.path;
  const name = host.hostname.includes(':') ? `[${host.hostname}]` : host.hostname;
  return `${name}:${host.port}`;
}

function ownSocket(env: NodeJS.ProcessEnv, homeDirectory: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') return WINDOWS_PIPE;
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  const places = [
    '/var/run/docker.sock',
    ...(runtime === '' ? [] : [join(runtime, 'docker.sock')]),
    join(homeDirectory, '.docker', 'run', 'docker.sock'),
  ];
  const found = places.find((place) => existsSync(place));
  if (found !== undefined) return found;
  throw new UnavailableError(`there is no docker daemon on this machine: no socket at ${places.join(', ')}`, {
    hint: RUNNING_HINT,
  });
}

/** As docker, TLS is spoken where `DOCKER_TLS_VERIFY` says so; a daemon's certificate is always verified. */
function tcpHost(rest: string, env: NodeJS.ProcessEnv, homeDirectory: string): DockerHost {
  const text = `http://${rest}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return refuse('it has no host, or a port that is none');
  if (url.username !== '' || url.password !== '') return refuse('it must not have a user name or password');
  if (url.search !== '' || url.hash !== '') return refuse('it must end with its path');
  const isTls = (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const directory = env['DOCKER_CERT_PATH'] || env['DOCKER_CONFIG'] || join(homeDirectory, '.docker');
  // A URL leaves out the default port of its scheme.
  const stated = /:(\d+)(?:\/|$)/.exec(rest.replace(/^\[[^\]]*\]/, ''))?.[1];
  return {
    kind: 'tcp',
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: stated === undefined ? (isTls ? TLS_PORT : PLAIN_PORT) : Number(stated),
    prefix: url.pathname.replace(/\/+$/, ''),
    ...(isTls && { certificates: directory }),
  };
}

async function readCertificate(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return undefined;
    throw new FailedError(`cannot read ${path} (${String(code)})`, {
      hint: 'DOCKER_CERT_PATH names the directory that it is in.',
      cause: error,
    });
  }
}

/** What the variable holds is not repeated: somebody may have put a password into it. */
function refuse(problem: string, hint = 'Write unix:///PATH or tcp://HOST:PORT.'): never {
  throw new ArgumentError(`DOCKER_HOST cannot be used: ${problem}`, { hint });
}
