import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { FailedError } from '../../oci/errors.js';

/** The files for one host in a directory. */
interface HostCertificates {
  /** Authorities for the host: `*.crt`. */
  readonly authorities: readonly string[];
  /** Client certificates for the host: `X.cert` with `X.key`. */
  readonly pairs: readonly { readonly cert: string; readonly key: string }[];
}

export interface FoundCertificates extends HostCertificates {
  /** Directories that could not be read, for messages. */
  readonly unreadable: readonly string[];
}

/**
 * Returns the directories that have a directory for each host (containers-certs.d(5), and docker's "Verify repository client
 * with certificates"): those of containers, of rootless docker, and of docker.
 */
export function certificateDirectories(env: NodeJS.ProcessEnv, homeDirectory: string): readonly string[] {
  const config = env['XDG_CONFIG_HOME'] || join(homeDirectory, '.config');
  return [
    join(homeDirectory, '.config', 'containers', 'certs.d'),
    '/etc/containers/certs.d',
    join(config, 'docker', 'certs.d'),
    '/etc/docker/certs.d',
  ];
}

/**
 * Returns the files for a host from the first directory that has a directory of its name.
 * @param host as in a URL. A host without a port is also looked up with port 443.
 * @throws FailedError for a certificate without its key, or a key without its certificate
 */
export function findCertificates(host: string, directories: readonly string[]): FoundCertificates {
  const unreadable: string[] = [];
  // A name of dots would be another directory.
  const names = /^\.*$/.test(host) ? [] : /:\d+$/.test(host) ? [host] : [host, `${host}:443`];
  for (const path of directories.flatMap((directory) => names.map((name) => join(directory, name)))) {
    const files = list(path, unreadable);
    if (files !== undefined) return { ...sort(path, files), unreadable };
  }
  return { authorities: [], pairs: [], unreadable };
}

function list(path: string, unreadable: string[]): readonly string[] | undefined {
  try {
    return readdirSync(path).toSorted();
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : '';
    // Directories of root are often unreadable. That matters only if the connection fails.
    if (code !== 'ENOENT' && code !== 'ENOTDIR') unreadable.push(path);
    return undefined;
  }
}

function sort(directory: string, files: readonly string[]): HostCertificates {
  const named = (end: string): readonly string[] =>
    files.filter((file) => file.endsWith(end)).map((file) => join(directory, file.slice(0, -end.length)));
  const [certs, keys] = [named('.cert'), named('.key')];
  for (const name of certs) {
    if (keys.includes(name)) continue;
    throw new FailedError(`${name}.cert is a client certificate without its key: ${name}.key is missing`, {
      hint: 'The certificate of an authority must be named *.crt.',
    });
  }
  for (const name of keys) {
    if (certs.includes(name)) continue;
    throw new FailedError(`${name}.key is a key without its client certificate: ${name}.cert is missing`);
  }
  return {
    authorities: named('.crt').map((name) => `${name}.crt`),
    pairs: certs.map((name) => ({ cert: `${name}.cert`, key: `${name}.key` })),
  };
}
