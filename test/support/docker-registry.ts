import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makeCertificates, makeClientCertificate } from './certificates.js';
import { mustRun } from './run.js';
import type { Account } from './sandbox.js';
import { sharedDirectory } from './sandbox.js';

/** The token server of a registry (distribution, `auth.token`). */
export interface TokenAuthority {
  /** The URL of the token endpoint. */
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** A PEM file: the certificate of the key that signs the tokens. */
  readonly certificateFile: string;
}

export interface RegistryOptions {
  /** @default anonymous access */
  readonly auth?: { readonly htpasswd: readonly Account[] } | { readonly token: TokenAuthority };
  /** HTTPS with a certificate of a private authority, optionally with required client certificates. @default plain HTTP */
  readonly tls?: boolean | 'client-certificate';
  /** The directory of another registry that runs, to serve its content too. @default a new one */
  readonly storage?: string;
}

export interface RunningRegistry {
  /** `127.0.0.1:PORT`, as in references. */
  readonly host: string;
  /** `http://…` or `https://…`, without a trailing slash. */
  readonly url: string;
  /** The directory of all its content (distribution, filesystem driver). */
  readonly storage: string;
  /** The PEM file of the private authority, only with TLS. */
  readonly caFile: string | undefined;
  /** The PEM files of a client certificate, only if it is required. */
  readonly client: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** The output of the registry so far, including its request log. */
  readonly log: () => string;
  /** Ends the process and removes its files. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a real registry (distribution's `docker-registry`) on a free loopback port, with empty storage that allows
 * deletion. Resolves once it listens.
 *
 * @throws if it ends before that. The message contains its log.
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<RunningRegistry> {
  const { directory, remove } = await sharedDirectory();
  const { storage = join(directory, 'storage') } = options;
  try {
    const certificates = (options.tls ?? false) === false ? undefined : await makeCertificates(directory);
    const client =
      options.tls === 'client-certificate' ? await makeClientCertificate(directory, 'client') : undefined;
    const config = {
      version: '0.1',
      log: { level: 'info', accesslog: { disabled: false } },
      storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
      http: {
        // Port 0 selects a free port, which the log contains.
        addr: '127.0.0.1:0',
        ...(certificates === undefined
          ? {}
          : {
              tls: {
                certificate: certificates.certFile,
                key: certificates.keyFile,
                ...(client !== undefined && { clientcas: [certificates.caFile] }),
              },
            }),
      },
      ...(options.auth === undefined ? {} : { auth: await authConfig(options.auth, directory) }),
    };
    await mkdir(storage, { recursive: true });
    // JSON is valid YAML.
    const configFile = join(directory, 'config.yml');
    await writeFile(configFile, JSON.stringify(config));
    const child = spawn('docker-registry', ['serve', configFile], {
      env: { PATH: process.env['PATH'], OTEL_TRACES_EXPORTER: 'none' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let log = '';
    const collect = (chunk: Buffer): void => {
      log += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    const host = await listening(child, () => log);
    return {
      host,
      storage,
      url: `${certificates === undefined ? 'http' : 'https'}://${host}`,
      caFile: certificates?.caFile,
      client,
      log: () => log,
      stop: async () => {
        await end(child);
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function authConfig(auth: NonNullable<RegistryOptions['auth']>, directory: string): Promise<object> {
  if ('token' in auth) {
    const { realm, service, issuer, certificateFile } = auth.token;
    return { token: { realm, service, issuer, rootcertbundle: certificateFile } };
  }
  const lines = await Promise.all(
    auth.htpasswd.map(({ username, password }) => mustRun('htpasswd', ['-nbB', username, password])),
  );
  const path = join(directory, 'htpasswd');
  await writeFile(path, lines.join(''));
  return { htpasswd: { realm: 'multiarch tests', path } };
}

/** The address in the log of the registry. */
function listening(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const host = /listening on (127\.0\.0\.1:\d+)[",]/.exec(log())?.[1];
      if (host === undefined) return;
      // A registry writes a line for each request. The whole log must not be searched again for each.
      child.stdout?.off('data', look);
      child.stderr?.off('data', look);
      resolve(host);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('error', reject);
    child.once('close', (code) => {
      reject(new Error(`docker-registry ended with ${code} before it listened:\n${log()}`));
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const closed = once(child, 'close');
  child.kill('SIGKILL');
  await closed;
}
