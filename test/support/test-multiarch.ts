import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { Multiarch } from '../../src/client/multiarch.js';
import type { WorkEvent } from '../../src/content/events.js';
import type { MultiarchOptions } from '../../src/client/client-context.js';
import {
  isTargetLocation,
  parseImageLocation,
  type ImageLocation,
  type TargetLocation,
} from '../../src/oci/image-location.js';
import { seedImages } from './architectures.js';
import type { MemoryRegistry, MemoryRegistryOptions } from './memory-registry.js';
import { startRegistry } from './open-repository.js';
import type { Account } from './sandbox.js';
import { temporaryDirectory } from './temporary-directory.js';
import type { TinyImage } from './tiny-image.mjs';

export interface TestMultiarchOptions extends MultiarchOptions {
  /** The accounts by registry: `127.0.0.1:5000`. */
  readonly logins?: Readonly<Record<string, Account>>;
}

/** A library client with its own store and credentials and without retries. It closes after the test. */
export async function openMultiarch(options: TestMultiarchOptions = {}): Promise<Multiarch> {
  const { logins = {}, ...others } = options;
  const directory = await temporaryDirectory();
  const auths = Object.entries(logins).map(([host, { username, password }]) => {
    const auth = Buffer.from(`${username}:${password}`).toString('base64');
    return [host, { auth }] as const;
  });
  await writeFile(join(directory, 'config.json'), JSON.stringify({ auths: Object.fromEntries(auths) }));
  const multiarch = new Multiarch({
    store: join(directory, 'drafts'),
    env: { DOCKER_CONFIG: directory },
    retries: 0,
    ...others,
  });
  onTestFinished(() => multiarch.close());
  return multiarch;
}

export interface ClientSetUp {
  readonly registry: MemoryRegistry;
  readonly multiarch: Multiarch;
  readonly store: string;
  /** The name of the repository `app`. */
  readonly app: string;
  /** `app:1.2`, which does not exist yet. */
  readonly list: string;
  /** References to the images. */
  readonly sources: readonly string[];
  readonly events: WorkEvent[];
  /** The digest of a tag of `app`. */
  readonly tag: (tag: string) => string | undefined;
}

/** A registry in memory with these images in one repository, and a library client. */
export async function startMultiarch({
  images,
  path = 'app',
  registry: options,
}: {
  readonly images: readonly TinyImage[];
  /** The repository of the images. @default 'app' */
  readonly path?: string;
  readonly registry?: MemoryRegistryOptions | undefined;
}): Promise<ClientSetUp> {
  const registry = await startRegistry(options);
  const sources = seedImages(registry, path, images);
  const store = join(await temporaryDirectory(), 'drafts');
  const events: WorkEvent[] = [];
  const multiarch = await openMultiarch({ store, onEvent: (event) => events.push(event) });
  const app = `${registry.host}/app`;
  const tag = (name: string): string | undefined => registry.manifest('app', name)?.digest;
  return { registry, multiarch, store, app, list: `${app}:1.2`, sources, events, tag };
}

/** A location as a user writes it. */
export function at(text: string): ImageLocation {
  return parseImageLocation(text);
}

/** Like {@link at}, for a target location. */
export function targetAt(text: string): TargetLocation {
  const location = at(text);
  if (isTargetLocation(location)) return location;
  throw new Error(`${text} is not a target`);
}
