import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';

import { startRegistry, type RunningRegistry } from './docker-registry.js';
import { Repository } from './repository.js';
import { multiarch, type RunResult } from './run.js';
import { makeSandbox, type Sandbox } from './sandbox.js';

/** What {@link useRegistries} provides to each test of a `describe` block. */
export interface RegistrySetUp {
  readonly registry: RunningRegistry;
  /** The second registry. */
  readonly other: RunningRegistry;
  /** A new sandbox for each test. */
  readonly sandbox: Sandbox;
  /** A repository of this test only: `test-N/NAME`. A registry shares its blobs with other repositories only by mounts. */
  readonly repository: (name: string, registry?: RunningRegistry) => Repository;
  /** Runs the built `multiarch` in the sandbox. */
  readonly run: (...args: string[]) => Promise<RunResult>;
}

/**
 * Starts real registries for the `describe` block that calls it, and makes a sandbox for each of its tests. The values are
 * available in hooks and tests.
 *
 * @param count The number of registries.
 */
export function useRegistries(count: 1 | 2 = 1): RegistrySetUp {
  let registries: readonly RunningRegistry[] = [];
  let sandbox: Sandbox | undefined;
  let test = 0;
  beforeAll(async () => {
    registries = await Promise.all(Array.from({ length: count }, () => startRegistry()));
  });
  afterAll(() => Promise.all(registries.map((registry) => registry.stop())));
  beforeEach(async () => {
    sandbox = await makeSandbox();
    test += 1;
  });
  afterEach(() => sandbox?.remove());
  const setUp: RegistrySetUp = {
    get registry() {
      return started(registries[0]);
    },
    get other() {
      return started(registries[1]);
    },
    get sandbox() {
      return started(sandbox);
    },
    repository: (name, registry = setUp.registry) => new Repository(registry, `test-${test}/${name}`),
    run: (...args) => multiarch(setUp.sandbox, args),
  };
  return setUp;
}

function started<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('available in hooks and tests only');
  return value;
}
