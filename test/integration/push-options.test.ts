import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { beforeEach, expect, it } from 'vitest';

import { readAction, startStep, type Step } from '../support/github-runner.js';
import { amd64, arm64 } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { useRegistries } from '../support/registries.js';
import { requestsDuring } from '../support/registry-log.js';
import type { Repository } from '../support/repository.js';
import { multiarch, run } from '../support/run.js';
import { snapshot } from '../support/snapshot.js';

describeIntegration('a release', ['docker-registry'], () => {
  const setUp = useRegistries();
  let app: Repository;
  let list: string;
  let sources: readonly string[];
  beforeEach(async () => {
    app = setUp.repository('app');
    list = `${app.name}:1.2`;
    const parts = setUp.repository('parts');
    sources = [await parts.add(amd64, 'amd64'), await parts.add(arm64, 'arm64')];
  });

  /** @returns the last line of the standard output */
  async function succeed(...words: string[]): Promise<string> {
    const result = await setUp.run(...words);
    expect(result).toMatchObject({ code: 0 });
    return result.stdout.trimEnd().split('\n').at(-1) ?? '';
  }

  it('that is only planned makes no write, and is what the push does then', async () => {
    await succeed('create', list, ...sources);
    const before = await snapshot(setUp.sandbox.directory);

    const { result, requests } = await requestsDuring(setUp.registry, () =>
      setUp.run('push', list, '--tag', 'latest', '--dry-run', '--purge'),
    );

    expect(result.code).toBe(0);
    expect(requests.length).toBeGreaterThan(5);
    expect(requests.filter((line) => !/^(GET|HEAD) /.test(line))).toEqual([]);
    expect(await snapshot(setUp.sandbox.directory)).toEqual(before);
    expect(result.stdout).toContain('Total: 4 to mount');
    const digest = await succeed('push', list, '--tag', 'latest', '--purge');
    expect(result.stdout.trimEnd().split('\n').at(-1)).toBe(digest);
  });

  it('moves the tags in the order given, latest last', async () => {
    const { requests } = await requestsDuring(setUp.registry, () =>
      setUp.run('create', `${app.name}:latest`, ...sources, '--push', '-t', '1.2', '-t', '1'),
    );
    const puts = requests.flatMap((line) => /^PUT .*\/app\/manifests\/([^: ]+) /.exec(line)?.[1] ?? []);
    expect(puts).toEqual(['1.2', '1', 'latest']);
  });

  it('is reported in files', async () => {
    const files = ['digest', 'metadata.json', 'output', 'summary'].map((name) =>
      join(setUp.sandbox.directory, name),
    );
    const [digestFile = '', metadataFile = '', output = '', summary = ''] = files;
    const words = ['--push', '--digest-file', digestFile, '--metadata-file', metadataFile, '--github'];
    const result = await multiarch(setUp.sandbox, ['create', list, ...sources, ...words], {
      env: { ...setUp.sandbox.env, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary },
    });
    expect(result).toMatchObject({ code: 0 });
    const digest = result.stdout.trimEnd().split('\n').at(-1) ?? '';
    const [inDigestFile, metadata, outputs, shown] = await Promise.all(
      files.map((file) => readFile(file, 'utf8')),
    );
    expect(inDigestFile).toBe(digest);
    expect(JSON.parse(metadata ?? '')).toMatchObject({ references: [list], digest });
    expect(outputs).toContain(`digest=${digest}\n`);
    expect(shown).toContain(digest);
  });

  it('is published by the GitHub Action, and pushed by the command that the set-up action adds', async () => {
    const [action, setup] = await Promise.all([readAction('action.yml'), readAction('setup/action.yml')]);
    const inputs = { target: list, sources: sources.join('\n'), require: 'linux/amd64,linux/arm64' };
    const publishing = await startStep(action, { ...inputs, tags: 'latest' });
    // The steps of a job have one temporary directory.
    const job = { ...setUp.sandbox.env, MULTIARCH_STORE: '', RUNNER_TEMP: publishing.directory };
    const runStep = async ({ env }: Step, file: string): Promise<void> => {
      const path = fileURLToPath(new URL(`../../action/${file}`, import.meta.url));
      expect(await run(process.execPath, [path], { env: { ...env, ...job } })).toMatchObject({ code: 0 });
    };
    await runStep(publishing, action.runs.main);
    const { digest = '' } = await publishing.outputs();
    expect(await app.readManifest('latest')).toEqual(await app.readManifest(digest));

    const preparing = await startStep(setup, {});
    await runStep(preparing, `setup/${setup.runs.main}`);
    const drafting = await startStep(action, { ...inputs, target: `${app.name}:2`, push: 'false' });
    await runStep(drafting, action.runs.main);
    const [directory] = await preparing.paths();
    const env = { ...job, ...(await preparing.variables()), PATH: `${directory}:/usr/bin:/bin` };
    const pushed = await run('sh', ['-c', 'multiarch push -q "$0"', `${app.name}:2`], { env });
    expect(pushed).toMatchObject({ code: 0, stdout: `${digest}\n` });
  });

  it('that a platform is missing from, or whose tag has moved, moves no tag', async () => {
    await succeed('create', list, ...sources);
    const missing = await setUp.run('push', list, '--require', 'linux/amd64,linux/s390x');
    expect(missing).toMatchObject({ code: 5, stdout: '' });
    expect(await app.hasManifest('1.2')).toBe(false);

    const first = await succeed('push', list, '--expect-current', 'none');
    await succeed('annotate', list, '--annotation', 'a=b');
    const refused = await setUp.run('push', list, '--expect-current', amd64.manifest.digest);
    expect(refused).toMatchObject({ code: 7, stdout: '' });
    expect(refused.stderr).toContain(first);
    const second = await succeed('push', list, '--expect-current', first);
    expect((await app.readManifest('1.2')).text).toContain('"a": "b"');
    expect(second).not.toBe(first);
  });

  it('is taken back, tag by tag', async () => {
    const first = await succeed('create', list, ...sources, '--push', '--purge');
    const before = await app.readManifest('1.2');
    const words = ['--push', '--purge', '--annotation', 'a=b', '--tag', 'latest'];
    await succeed('create', list, ...sources, ...words);
    expect(await app.readManifest('1.2')).not.toEqual(before);

    expect(await succeed('undo', list)).toBe(`${list} ${first}`);

    expect(await app.readManifest('1.2')).toEqual(before);
    expect(await setUp.run('undo', list)).toMatchObject({ code: 3, stdout: '' });
  });

  it('cannot be taken back where the registry no longer has what was there before', async () => {
    const first = await succeed('create', list, ...sources, '--push', '--purge');
    const second = await succeed('create', list, ...sources, '--push', '--purge', '--annotation', 'a=b');
    await app.deleteManifest(first);
    const { code, stderr } = await setUp.run('undo', list);
    expect(code).toBe(3);
    expect(stderr).toContain(`the previous image of ${list} is gone`);
    expect(await app.hasManifest(second)).toBe(true);
  });

  it('into a layout is taken back too', async () => {
    const layout = `oci:${join(setUp.sandbox.directory, 'layout')}:1.2`;
    const first = await succeed('create', layout, ...sources, '--push', '--purge');
    const second = await succeed('create', layout, ...sources, '--push', '--purge', '--annotation', 'a=b');
    expect(second).not.toBe(first);
    expect(await succeed('undo', layout)).toBe(`${layout} ${first}`);
    const plan = await setUp.run('create', layout, ...sources, '--push', '--dry-run');
    expect(plan.stdout).toContain(`${first}\n`);
    expect(plan.stdout).toContain('0 tags to move');
  });
});
