import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { mustRun } from '../support/run.js';
import { tinyImage, writeLayout } from '../support/tiny-image.mjs';

/** The ways in which TypeScript finds the types of the package. The program of the first one is run. */
const RESOLUTIONS = [
  { module: 'nodenext', moduleResolution: 'nodenext' },
  { module: 'node16', moduleResolution: 'node16' },
  { module: 'esnext', moduleResolution: 'bundler' },
] as const;

const PROGRAM = `import { Multiarch, MultiarchError, type CreateAndPushResult, type PushOptions } from 'multiarch';

const options: PushOptions = { tags: ['latest'] };
const client = new Multiarch({ env: process.env });
try {
  const { publication }: CreateAndPushResult = await client.createAndPush(
    'oci:published:1.2',
    ['oci:amd64:1.2', 'oci:arm64:1.2'],
    options,
  );
  const digest: string = publication.descriptor.digest;
  console.log(digest);
  // @ts-expect-error The types are those of the package, and not any.
  publication.descriptor.digest = 1;
} catch (error) {
  console.error(error instanceof MultiarchError ? error.message : error);
  process.exitCode = 1;
} finally {
  await client.close();
}
`;

/** Fills an empty project with two image layouts, `oci:amd64:1.2` and `oci:arm64:1.2`, and a program that joins them. */
export async function writeProject(directory: string): Promise<void> {
  for (const architecture of ['amd64', 'arm64'] as const) {
    await writeLayout(join(directory, architecture), tinyImage({ os: 'linux', architecture }), '1.2');
  }
  await writeFile(
    join(directory, 'package.json'),
    JSON.stringify({ name: 'project', private: true, type: 'module' }),
  );
  await writeFile(join(directory, 'program.ts'), PROGRAM);
  for (const [index, resolution] of RESOLUTIONS.entries()) {
    const compilerOptions = {
      ...resolution,
      target: 'es2023',
      lib: ['es2023'],
      types: ['node'],
      strict: true,
      exactOptionalPropertyTypes: true,
      // Once is enough for the declarations themselves.
      skipLibCheck: index > 0,
      noEmit: index > 0,
    };
    const config = { compilerOptions, files: ['program.ts'] };
    await writeFile(join(directory, `tsconfig.${resolution.moduleResolution}.json`), JSON.stringify(config));
  }
}

export interface Tools {
  /** The command line of `multiarch`. */
  readonly command: readonly [program: string, ...args: string[]];
  /** The program of Node.js for the library. */
  readonly node: string;
  /** The program of TypeScript. */
  readonly tsc: string;
}

/** The digests that the command, and the compiled program with the library, have published. */
export interface Published {
  readonly command: string;
  readonly library: string;
}

/** Joins the layouts of {@link writeProject} by the command, and by the program. @throws if one of them fails */
export async function runMainJob(directory: string, { command, node, tsc }: Tools): Promise<Published> {
  const [program, ...args] = command;
  const home = join(directory, 'home');
  await mkdir(home, { recursive: true });
  const options = { cwd: directory, env: { HOME: home } };
  const call = ['create', 'oci:joined:1.2', 'oci:amd64:1.2', 'oci:arm64:1.2', '--push', '--quiet'];
  const pushed = await mustRun(program, [...args, ...call], options);
  await Promise.all(
    RESOLUTIONS.map(({ moduleResolution }) =>
      mustRun(node, [tsc, '-p', `tsconfig.${moduleResolution}.json`], options),
    ),
  );
  return { command: pushed.trim(), library: (await mustRun(node, ['program.js'], options)).trim() };
}
