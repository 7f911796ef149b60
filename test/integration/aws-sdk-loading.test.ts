import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { RUNS_ON_NODE } from '../support/executable.js';
import { amd64 } from '../support/images.js';
import { MemoryRegistry } from '../support/memory-registry.js';
import { multiarch } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

describe('the SDK of AWS', () => {
  const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
  let registry: MemoryRegistry;
  let sandbox: Sandbox;

  beforeAll(async () => {
    [registry, sandbox] = await Promise.all([MemoryRegistry.start(), makeSandbox()]);
    registry.put('app', amd64, 'amd64');
  });
  afterAll(() => Promise.all([registry.close(), sandbox.remove()]));

  /** The files of `dist` that a command loads, as node's own coverage lists them. */
  async function loaded(args: readonly string[]): Promise<readonly string[]> {
    const directory = await temporaryDirectory();
    expect(await multiarch(sandbox, args, { env: { NODE_V8_COVERAGE: directory } })).toMatchObject({
      code: 0,
    });
    const [file = ''] = await readdir(directory);
    const { result } = JSON.parse(await readFile(join(directory, file), 'utf8')) as {
      result: readonly { readonly url: string }[];
    };
    return result.flatMap(({ url }) => (url.startsWith(`file://${dist}`) ? [fileURLToPath(url)] : []));
  }

  it.runIf(RUNS_ON_NODE)('is in files of its own, which nothing loads but a registry of Amazon', async () => {
    const files = (await readdir(dist))
      .filter((name) => name.endsWith('.cjs'))
      .map((name) => join(dist, name));
    const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const sdk = files.filter((_file, index) =>
      /AmazonEC2ContainerRegistry_V20150921|aws4_request/.test(texts[index] ?? ''),
    );
    expect(sdk.map((file) => basename(file))).toEqual(['aws-sdk.cjs']);

    for (const args of [
      ['--version'],
      ['create', `${registry.host}/app:1`, `${registry.host}/app:amd64`, '--push'],
    ]) {
      const used = await loaded(args);
      expect(used.map((file) => basename(file))).toContain('start.cjs');
      expect(used.filter((file) => sdk.includes(file))).toEqual([]);
    }
  });

  it('comes with its licences', async () => {
    const licences = await readFile(join(dist, 'THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of [
      '@aws-sdk/client-ecr',
      '@aws-sdk/client-ecr-public',
      '@aws-sdk/credential-provider-node',
    ]) {
      expect(licences).toMatch(new RegExp(`^${name} \\d`, 'm'));
    }
  });
});
