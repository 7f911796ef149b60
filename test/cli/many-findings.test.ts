import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { tinyImage } from '../support/tiny-image.mjs';
import { startCommandLine } from '../support/in-process.js';

const COUNT = 500;
const digest = (number: number): string => `sha256:${number.toString(16).padStart(64, '0')}`;
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** An index with many entries that have the same mistake. */
function indexOf(entry: (number: number) => object): string {
  const manifests = Array.from({ length: COUNT }, (_, number) => entry(number));
  return JSON.stringify({ schemaVersion: 2, mediaType: INDEX, manifests });
}

const platformless = (number: number): object => ({ mediaType: MANIFEST, digest: digest(number), size: 7 });
const equal = (number: number): object => ({
  ...platformless(number),
  platform: { os: 'linux', architecture: 'amd64' },
});

describe('of many alike findings, ten are listed and the others counted', () => {
  it.each([
    ['warnings', indexOf(platformless), 'platform/missing', COUNT],
    ['warnings', indexOf(equal), 'platform/duplicate', COUNT - 1],
    [
      'problems',
      indexOf(() => ({ mediaType: MANIFEST, digest: digest(1), size: -1 })),
      'schema/minimum',
      COUNT,
    ],
  ])('%s of validate: %.0s%s', async (_, text, rule, count) => {
    const { directory, run } = await startCommandLine();
    const file = join(directory, 'index.json');
    await writeFile(file, text);
    const { stderr } = await run(['validate', file]);
    const lines = stderr.split('\n').filter((line) => line.endsWith(`[${rule}]`));
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toContain(`… and ${count - 10} more [${rule}]`);
    const { error, warnings } = JSON.parse((await run(['validate', file, '--json'])).stdout) as {
      error?: { problems: { rule: string }[] };
      warnings: { rule: string }[];
    };
    expect([...(error?.problems ?? []), ...warnings].filter((finding) => finding.rule === rule)).toHaveLength(
      count,
    );
  });

  it('of create, inspect and push', async () => {
    const names = Array.from({ length: 14 }, (_, number) => `odd${number}`);
    const images = Object.fromEntries(
      names.map((name) => [name, tinyImage({ architecture: 'amd64', text: name, omitPlatform: true })]),
    );
    const { app, run } = await startCommandLine({ images });
    const sources = names.map((name) => `${app}:${name}`);
    for (const command of [
      ['create', `${app}:1`, ...sources],
      ['inspect', `${app}:1`],
      ['push', `${app}:1`],
      ['create', `${app}:2`, ...sources, '--push'],
    ]) {
      const { stderr } = await run(command);
      expect(stderr, command[0]).toContain('… and 4 more [platform-missing]');
    }
  });
});
