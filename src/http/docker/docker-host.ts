import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SecureContextOptions } from 'node:tls';

import type { Environment } from '../../environment.js';
import { errorCode, fileError } from '../../files/file-error.js';
import { readRegularFile } from '../../files/regular-file.js';
import { ArgumentError, UnavailableError } from '../../oci/errors.js';
import { withoutTrailing } from '../../oci/trailing.js';

/** The address of a docker daemon. */
export type DockerHost =
  | { readonly kind: 'socket'; readonly path: string }
  | {
      readonly kind: 'tcp';
      /** Without brackets. */
      readonly hostname: string;
      readonly port: number;
      /** The prefix of every request's path, without a final slash. */
      readonly prefix: string;
      /** The directory of certificates, for TLS. */
      readonly certificates?: string | undefined;
    };

export const RUNNING_HINT =
  'Check that docker is running and DOCKER_HOST, or save the image to a file and use docker-archive:FILE.';

const WINDOWS_PIPE = '//./pipe/docker_engine';
const [PLAIN_PORT, TLS_PORT] = [2375, 2376];

/**
 * Returns the daemon of `DOCKER_HOST`, or the local one: `/var/run/docker.sock`, that of rootless docker
 * (`$XDG_RUNTIME_DIR/docker.sock`), or that of Docker Desktop (`~/.docker/run/docker.sock`).
 *
 * @throws ArgumentError for an invalid `DOCKER_HOST`, UnavailableError if this machine has no daemon
 */
export function dockerHost({ env, homeDirectory, platform }: Environment): DockerHost {
  const named = env['DOCKER_HOST'] ?? '';
  if (named === '') return { kind: 'socket', path: ownSocket(env, homeDirectory, platform) };
  const [, scheme = 'tcp', rest = named] = /^([a-z]+):\/\/(.*)$/s.exec(named) ?? [];
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) return invalid('unix:// needs an absolute path');
    return { kind: 'socket', path: rest };
  }
  if (scheme === 'npipe') {
    if (platform !== 'win32') return invalid('npipe:// is for Windows only');
    return { kind: 'socket', path: rest.replaceAll('\\', '/') };
  }
  if (scheme === 'tcp') return tcpHost(rest, env, homeDirectory);
  if (scheme === 'ssh') {
    return invalid(
      'a daemon over ssh is not supported',
      'Run `docker save IMAGE -o FILE`, and use docker-archive:FILE.',
    );
  }
  return invalid('it must begin with unix://, tcp:// or npipe://');
}

/**
 * Reads the certificates for TLS with a daemon.
 * @param directory has `ca.pem`, `cert.pem` and `key.pem`, each of which may be missing
 * @throws FailedError if one cannot be read
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

/** Returns the address for messages. */
export function describeHost(host: DockerHost): string {
  if (host.kind === 'socket') return host.path;
  const name = host.hostname.includes(':') ? `[${host.hostname}]` : host.hostname;
  return `${name}:${host.port}`;
}

function ownSocket(env: NodeJS.ProcessEnv, homeDirectory: string, platform: NodeJS.Platform): string {
  if (platform === 'win32') return WINDOWS_PIPE;
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  const paths = [
    '/var/run/docker.sock',
    ...(runtime === '' ? [] : [join(runtime, 'docker.sock')]),
    join(homeDirectory, '.docker', 'run', 'docker.sock'),
  ];
  const found = paths.find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new UnavailableError(`no docker daemon on this machine: no socket at ${paths.join(', ')}`, {
    hint: RUNNING_HINT,
  });
}

/** As in docker, `DOCKER_TLS_VERIFY` enables TLS. The daemon's certificate is always verified. */
function tcpHost(rest: string, env: NodeJS.ProcessEnv, homeDirectory: string): DockerHost {
  const text = `http://${rest}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) return invalid('missing host or invalid port');
  if (url.username !== '' || url.password !== '') return invalid('it must not have a user name or password');
  if (url.search !== '' || url.hash !== '') return invalid('it must not have a query or fragment');
  const isTls = (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const directory = env['DOCKER_CERT_PATH'] || env['DOCKER_CONFIG'] || join(homeDirectory, '.docker');
  // A URL omits the default port of its scheme.
  const stated = /:(\d+)(?:\/|$)/.exec(rest.replace(/^\[[^\]]*\]/, ''))?.[1];
  return {
    kind: 'tcp',
    hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: stated === undefined ? (isTls ? TLS_PORT : PLAIN_PORT) : Number(stated),
    prefix: withoutTrailing(url.pathname, '/'),
    ...(isTls && { certificates: directory }),
  };
}

async function readCertificate(path: string): Promise<Buffer | undefined> {
  try {
    return await readRegularFile(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw fileError('read', path, error, 'choose another directory in DOCKER_CERT_PATH');
  }
}

/** The message does not repeat the value, which may contain a password. */
function invalid(problem: string, hint = 'Write unix:///PATH or tcp://HOST:PORT.'): never {
  throw new ArgumentError(`DOCKER_HOST cannot be used: ${problem}`, { hint });
}
