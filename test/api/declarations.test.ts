import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { describe, expect, it } from 'vitest';

import { root } from '../docs/markdown.js';
import { failureOf } from '../support/failure.js';
import { run } from '../support/run.js';
import { temporaryDirectory } from '../support/temporary-directory.js';

const CONSUMER = `
import { ImageLayout, isMultiarchError, MemoryStore, Multiarch, type MultiarchErrors, type Source } from 'multiarch';

await using client = new Multiarch({ env: {}, login: { registry: 'r.example', credential: { kind: 'bearer', token: 'x' } } });
const own: Source = {
  label: 'own',
  resolve: () => Promise.reject(new Error()),
  find: async () => undefined,
  readManifest: () => Promise.reject(new Error()),
  async openBlob() {
    return (async function* bytes() {
      yield new Uint8Array();
    })();
  },
};
const layout: ImageLayout = new ImageLayout({ path: 'out' });
try {
  const { publication } = await client.createAndPush(
    'app:1',
    ['app:1-amd64', { source: new MemoryStore(), selector: '1', platform: 'linux/arm64' }, { source: own, selector: '2' }],
    { require: ['linux/amd64'], expectCurrent: 'none', tags: ['latest', { target: layout, selector: '1' }] },
  );
  const digest: string = publication.descriptor.digest;
  await client.push('app:1', { expectCurrent: digest, signal: AbortSignal.timeout(1), onEvent: ({ kind }) => kind.length });
} catch (error) {
  if (!isMultiarchError(error)) throw error;
  const known: MultiarchErrors = error;
  if (known.kind === 'invalid') known.problems.map(({ pointer }) => pointer);
}
`;

/** A project that has installed the packed declarations and nothing else. */
async function consumer(compilerOptions: object): Promise<string> {
  const directory = await temporaryDirectory();
  const installed = join(directory, 'node_modules', 'multiarch');
  await mkdir(join(installed, 'dist'), { recursive: true });
  await cp(join(root, 'package.json'), join(installed, 'package.json'));
  await cp(join(root, 'dist', 'index.d.ts'), join(installed, 'dist', 'index.d.ts'));
  await mkdir(join(directory, 'node_modules', '@types'));
  await symlink(
    join(root, 'node_modules', '@types', 'node'),
    join(directory, 'node_modules', '@types', 'node'),
  );
  await symlink(join(root, 'node_modules', 'undici-types'), join(directory, 'node_modules', 'undici-types'));
  await writeFile(join(directory, 'package.json'), '{"type":"module"}');
  await writeFile(join(directory, 'consumer.ts'), CONSUMER);
  const options = {
    target: 'es2023',
    module: 'nodenext',
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    ...compilerOptions,
  };
  await writeFile(
    join(directory, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: options, files: ['consumer.ts'] }),
  );
  return directory;
}

describe('the packed declarations', () => {
  it.each([
    ['without @types/node', { lib: ['es2023', 'dom'], types: [] }],
    ['with @types/node', { lib: ['es2023'], types: ['node'] }],
  ])('compile in a strict project %s', async (_, options) => {
    const directory = await consumer(options);
    const { stdout, stderr } = await run(
      process.execPath,
      [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', directory],
      { cwd: directory },
    );
    expect(stdout + stderr).toBe('');
  });

  it('import nothing', async () => {
    const declarations = await readFile(join(root, 'dist', 'index.d.ts'), 'utf8');
    expect(declarations).not.toMatch(/^import |\bfrom '|\bimport\(/m);
    expect(declarations).not.toMatch(/\b(?:NodeJS|Buffer)\b/);
  });
});

describe('the bundle', () => {
  it('shows readable lines where an error is not caught', async () => {
    const script = `import { Multiarch } from ${JSON.stringify(join(root, 'dist', 'index.js'))}; new Multiarch({ env: null });`;
    const failed = promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    const { stderr } = (await failureOf(failed)) as { readonly stderr: string };
    expect(stderr).toContain('TypeError');
    expect(Math.max(...stderr.split('\n').map((line) => line.length))).toBeLessThan(200);
  });
});
