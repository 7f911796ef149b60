import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeCertificates, makeClientCertificate } from './certificates.js';
import { mustRun } from './run.js';
import type { Account } from './sandbox.js';

/** What the registry has to know of the server that gives out its tokens (distribution, `auth.token`). */
export interface TokenAuthority {
  /** The URL that clients ask for a token. */
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** A PEM file: the certificate of the key that signs the tokens. */
  readonly certificateFile: string;
}

export interface RegistryOptions {
  /** Default: none, so anybody may read and write. */
  readonly auth?: { readonly htpasswd: readonly Account[] } | { readonly token: TokenAuthority };
  /** HTTPS by a certificate of a private authority; or that, only for those who show one by the same authority. Default: plain HTTP. */
  readonly tls?: boolean | 'client-certificate';
}

export interface RunningRegistry {
  /** `127.0.0.1:PORT`, as a reference names it. */
  readonly host: string;
  /** `http://…` or `https://…`, without a trailing slash. */
  readonly url: string;
  /** The directory that holds all its content (distribution, filesystem driver). */
  readonly storage: string;
  /** Of the private authority, PEM; only with TLS. */
  readonly caFile: string | undefined;
  /** What a client may show, PEM; only where one has to. */
  readonly client: { readonly certFile: string; readonly keyFile: string } | undefined;
  /** All that the registry wrote so far, its request log included. */
  readonly log: () => string;
  /** Ends the process and removes its files. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts a real registry (distribution's `docker-registry`) on a free loopback port, with empty storage that allows
 * deletion. Resolves once it listens.
 *
 * @throws where it ends before that; the message holds its log.
 */
export async function startRegistry(options: RegistryOptions = {}): Promise<RunningRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-registry-'));
  const storage = join(directory, 'storage');
  try {
    const certificates = (options.tls ?? false) === false ? undefined : await makeCertificates(directory);
    const client =
      options.tls === 'client-certificate' ? await makeClientCertificate(directory, 'client') : undefined;
    const config = {
      version: '0.1',
      log: { level: 'info', accesslog: { disabled: false } },
      storage: { filesystem: { rootdirectory: storage }, delete: { enabled: true } },
      http: {
        // Port 0: the system picks a free one, and the log tells which.
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
    await mkdir(storage);
    // JSON is YAML too.
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
        await rm(directory, { recursive: true, force: true });
      },
    };
  } catch (error) {
    await rm(directory, { recursive: true, force: true });
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

/** The address that the registry says it listens on. */
function listening(child: ChildProcess, log: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const look = (): void => {
      const host = /listening on (127\.0\.0\.1:\d+)[",]/.exec(log())?.[1];
      if (host !== undefined) resolve(host);
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
