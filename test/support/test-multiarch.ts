import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { onTestFinished } from 'vitest';

import { Multiarch } from '../../src/client/multiarch.js';
import type { MultiarchOptions } from '../../src/client/client-context.js';
import {
  isTargetLocation,
  parseImageLocation,
  type ImageLocation,
  type TargetLocation,
} from '../../src/oci/image-location.js';
import type { Account } from './sandbox.js';

/** A directory that is removed when the test is over. */
export async function temporaryDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'multiarch-test-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

export interface TestMultiarchOptions extends MultiarchOptions {
  /** Who logs in where: by `127.0.0.1:5000`. */
  readonly logins?: Readonly<Record<string, Account>>;
}

/** A run of multiarch with a store and credentials of its own, which ends with the test. It does not try again. */
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

/** A location as a user writes it. */
export function at(text: string): ImageLocation {
  return parseImageLocation(text);
}

/** As {@link at}, for a place that can be published to. */
export function targetAt(text: string): TargetLocation {
  const location = at(text);
  if (isTargetLocation(location)) return location;
  throw new Error(`${text} can only be read`);
}
