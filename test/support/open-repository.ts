import type { LookupFunction } from 'node:net';

import { onTestFinished } from 'vitest';

import { AuthClient } from '../../src/auth/requests/auth-client.js';
import type { RegistryCredential } from '../../src/auth/credentials/credential.js';
import type { ContentCache } from '../../src/content/content-cache.js';
import type { OnEvent } from '../../src/content/events.js';
import { GotClient, type GotClientOptions } from '../../src/http/got-client.js';
import type { HttpEvent } from '../../src/http/message.js';
import { parseReference } from '../../src/oci/reference.js';
import { RegistryRepository } from '../../src/registry/registry-repository.js';
import type { Access } from '../../src/registry/requests.js';
import { having } from './credentials.js';
import { MemoryRegistry, type MemoryRegistryOptions } from './memory-registry.js';

/** Starts a registry in memory that closes after the test. */
export async function startRegistry(options?: MemoryRegistryOptions): Promise<MemoryRegistry> {
  const registry = await MemoryRegistry.start(options);
  onTestFinished(() => registry.close());
  return registry;
}

export interface OpenOptions {
  readonly access?: Access;
  readonly credential?: RegistryCredential;
  readonly onEvent?: OnEvent;
  readonly onHttpEvent?: (event: HttpEvent) => void;
  /** The number of retries of a request and of an upload. @default 2 */
  readonly retries?: number;
  readonly limits?: GotClientOptions['limits'];
  /** The maximum size of an upload's request, in bytes. */
  readonly chunkSize?: number | undefined;
  /** Resolves host names. @default the system's resolver */
  readonly lookup?: LookupFunction | undefined;
  /** Keeps manifests and configs. @default nothing is kept */
  readonly cache?: ContentCache | undefined;
  /** Collects the delays before retries, in milliseconds. They take no time. */
  readonly waits?: number[];
}

const random = (): number => 0.5;

/**
 * Opens repositories of a host with the real HTTP and authentication clients. All repositories of one call share
 * connections and tokens, as in a run of the program. Delays take no time.
 */
export function connect(
  host: string,
  options: OpenOptions = {},
): (path: string, access?: Access) => RegistryRepository {
  const {
    credential,
    retries = 2,
    limits,
    chunkSize,
    cache,
    waits = [],
    onHttpEvent,
    onEvent,
    lookup,
  } = options;
  let waited = 0;
  const sleep = (milliseconds: number): Promise<void> => {
    waits.push(milliseconds);
    waited += milliseconds;
    return Promise.resolve();
  };
  const http = new GotClient({
    userAgent: 'multiarch-test',
    retries,
    limits,
    sleep,
    now: () => Date.now() + waited,
    random,
    lookup,
    onEvent: onHttpEvent,
  });
  onTestFinished(() => http.close());
  const auth = new AuthClient({ http, credentials: having(credential) });
  return (path, access = options.access ?? 'push') =>
    new RegistryRepository({
      auth,
      repository: parseReference(`${host}/${path}`),
      access,
      onEvent,
      cache,
      chunkSize,
      retries,
      sleep,
      random,
    });
}
