import { readdir } from 'node:fs/promises';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { leftoversIn } from '../support/leftovers.js';
import { MemoryRegistry } from '../support/memory-registry.js';
import { CommandFixture } from './command-fixture.js';

/** `npm run together` starts as many processes as docs/reliability.md says. A normal run starts few. */
const isFull = process.env['MULTIARCH_FAULTS'] === 'full';
const count = (full: number): number => (isFull ? full : 2);
const numbers = (full: number): string[] =>
  Array.from({ length: count(full) }, (_, number) => String(number));

let fixture: CommandFixture;
beforeAll(async () => {
  fixture = await CommandFixture.start();
});
afterAll(() => fixture.remove());
beforeEach(() => fixture.reset());

/** Runs commands at the same time, each in a process of its own. All must succeed. */
async function together(commands: readonly (readonly string[])[], stdin = ''): Promise<void> {
  const results = await Promise.all(
    commands.map((command) => fixture.runProcess(command, { stdin, timeout: 600_000 })),
  );
  for (const { code, stderr } of results) expect(code, stderr).toBe(0);
  expect(await leftoversIn(fixture.root)).toEqual([]);
}

async function stdoutOf(...command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await fixture.run(command);
  expect(code, stderr).toBe(0);
  return stdout;
}

describe('processes at the same time', { timeout: isFull ? 900_000 : 60_000 }, () => {
  it('that amend one draft: no entry is lost', async () => {
    const tags = numbers(32);
    for (const tag of tags) await fixture.mustRun(['copy', 'oci:ROOT/source:amd64', `oci:ROOT/many:${tag}`]);
    await together(
      tags.map((tag) => [
        'create',
        'REGISTRY/app:2',
        `oci:ROOT/many:${tag}`,
        '--amend',
        `--annotation=n${tag}=x`,
      ]),
    );
    const draft = await stdoutOf('inspect', '--json', 'REGISTRY/app:2');
    for (const tag of tags) expect(draft).toContain(`"n${tag}"`);
  });

  it('that write tags of one layout: no tag is lost', async () => {
    const tags = numbers(16);
    await together(
      tags.map((tag) => ['create', `oci:ROOT/layout:${tag}`, 'oci:ROOT/source:arm64', '--push']),
    );
    const states = await fixture.imageStates(tags.map((tag) => `oci:ROOT/layout:${tag}`));
    expect(new Set(states).size).toBe(1);
    expect(states[0]).toMatch(/^sha256:/);
    expect((await readdir(fixture.path('layout'))).toSorted()).toEqual(['blobs', 'index.json', 'oci-layout']);
  });

  it('that write tags of one archive: no tag is lost', async () => {
    const tags = numbers(8);
    await together(
      tags.map((tag) => ['create', `oci-archive:ROOT/out/a.tar:${tag}`, 'oci:ROOT/source:arm64', '--push']),
    );
    const states = await fixture.imageStates(tags.map((tag) => `oci-archive:ROOT/out/a.tar:${tag}`));
    expect(new Set(states).size).toBe(1);
    expect(states[0]).toMatch(/^sha256:/);
    expect(await readdir(fixture.path('out'))).toEqual(['a.tar']);
  });

  it('that log in: no login is lost', async () => {
    const registries = await Promise.all(numbers(16).map(() => MemoryRegistry.start()));
    const hosts = registries.map(({ host }) => host);
    await together(
      hosts.map((host) => ['login', host, '--username=jane', '--password-stdin']),
      'secret',
    );
    const config = JSON.parse(await fixture.fileState('docker', 'config.json')) as { auths: object };
    expect(Object.keys(config.auths).toSorted()).toEqual(hosts.toSorted());
    await Promise.all(registries.map((registry) => registry.close()));
  });
});
