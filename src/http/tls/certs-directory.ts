import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { FailedError } from '../../oci/errors.js';

/** The files that a directory holds for one host. */
interface HostCertificates {
  /** Of authorities that may vouch for the host: `*.crt`. */
  readonly authorities: readonly string[];
  /** What we show to the host: `X.cert` with `X.key`. */
  readonly pairs: readonly { readonly cert: string; readonly key: string }[];
}

export interface FoundCertificates extends HostCertificates {
  /** Directories that might hold more and could not be read, for messages. */
  readonly unreadable: readonly string[];
}

/**
 * Where directories named after hosts are looked for (containers-certs.d(5), and docker's "Verify repository client with
 * certificates"), in this order: those of containers, docker's for a docker without root's rights, docker's.
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
 * The files for a host out of the first directory that has one of its name; other directories are not looked at then.
 * @param host as a URL writes it. A host without a port is looked for with port 443 too.
 * @throws FailedError where a certificate lacks its key, or a key its certificate
 */
export function findCertificates(host: string, directories: readonly string[]): FoundCertificates {
  const unreadable: string[] = [];
  // Of dots alone, it would be another directory than one for a host.
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
    // What belongs to root is often not for everyone. It is only worth a word when the connection then fails.
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
    throw new FailedError(`${name}.cert is a client certificate without its key: there is no ${name}.key`, {
      hint: "A registry's authority has to be named *.crt.",
    });
  }
  for (const name of keys) {
    if (certs.includes(name)) continue;
    throw new FailedError(`${name}.key is a key without its client certificate: there is no ${name}.cert`);
  }
  return {
    authorities: named('.crt').map((name) => `${name}.crt`),
    pairs: certs.map((name) => ({ cert: `${name}.cert`, key: `${name}.key` })),
  };
}
