import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import { describe, expect, it } from 'vitest';

import { runAction } from '../../action/run.js';
import { readAction, startStep } from '../support/github-runner.js';
import { amd64, arm64, attested } from '../support/images.js';
import { startRegistry } from '../support/open-repository.js';

const ACTION = await readAction('action.yml');
const BOTH = 'linux/amd64,linux/arm64';

/** A registry with two images, and a step of a workflow that runs the action. */
async function start() {
  const registry = await startRegistry();
  registry.put('app', amd64, '1-amd64');
  registry.put('app', arm64, '1-arm64');
  registry.put('app', attested, 'attested');
  const app = `${registry.host}/app`;
  const digestOf = (tag: string): string | undefined => registry.manifest('app', tag)?.digest;
  const run = async (
    inputs: Readonly<Record<string, string>>,
    env: Readonly<Record<string, string>> = {},
  ) => {
    const step = await startStep(ACTION, inputs);
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const printed = Promise.all([text(stdout), text(stderr)]);
    const own = {
      DOCKER_CONFIG: step.directory,
      XDG_CACHE_HOME: step.directory,
      XDG_CONFIG_HOME: step.directory,
    };
    const code = await runAction({
      stdout,
      stderr,
      stdin: Readable.from([]),
      env: { ...step.env, ...own, ...env },
    });
    stdout.end();
    stderr.end();
    const [out, err] = await printed;
    return {
      code,
      stdout: out,
      stderr: err,
      step,
      outputs: await step.outputs(),
      summary: await step.summary(),
    };
  };
  return { registry, app, digestOf, run };
}

describe('the action', () => {
  it('publishes an index of the sources under all tags, and reports it', async () => {
    const { app, digestOf, run } = await start();
    const inputs = {
      target: `${app}:1`,
      tags: '1.0, latest',
      sources: `${app}:1-amd64\n${app}:1-arm64`,
      require: BOTH,
    };
    const { code, stdout, stderr, outputs, summary } = await run(inputs);
    expect(code, stderr).toBe(0);
    const digest = digestOf('1');
    expect([digestOf('1.0'), digestOf('latest')]).toEqual([digest, digest]);
    const { json = '', metadata, ...others } = outputs;
    expect(others).toEqual({
      digest,
      image: `${app}@${digest}`,
      tags: `${app}:1\n${app}:1.0\n${app}:latest`,
    });
    expect(JSON.parse(json)).toMatchObject({
      ok: true,
      descriptor: { digest },
      platforms: { 'linux/arm64': {} },
    });
    expect(metadata).toBeDefined();
    expect(stdout).toBe(`::group::Result\n${json}\n::endgroup::\n`);
    expect(summary).toContain(`| <code>${app}:1</code> | moved | none |`);
    expect(summary).toContain('```mermaid\nflowchart LR\n');
    expect(Object.keys(ACTION.outputs).toSorted()).toEqual([...Object.keys(others), 'json'].toSorted());
  });

  it('takes the digests of build jobs, and names and annotations of docker/metadata-action', async () => {
    const { app, digestOf, registry, run } = await start();
    const {
      step: { directory },
    } = await run({ target: `${app}:x`, 'dry-run': 'true', sources: `${app}:1-amd64` });
    const digests = join(directory, 'digests');
    await mkdir(digests);
    for (const { manifest } of [amd64, arm64]) await writeFile(join(digests, manifest.digest.slice(7)), '');
    const metadata = JSON.stringify({
      tags: [`${app}:1.2`, `${app}:latest`],
      labels: {},
      annotations: ['index:org.opencontainers.image.title=An app, with\nlines'],
    });
    const { code, stderr, outputs } = await run({
      metadata,
      digests,
      annotations: 'manifest[linux/arm64]:a=b',
    });
    expect(code, stderr).toBe(0);
    expect(outputs['tags']).toBe(`${app}:1.2\n${app}:latest`);
    const index = JSON.parse(registry.manifest('app', '1.2')?.bytes.toString() ?? '') as object;
    expect(index).toMatchObject({
      annotations: { 'org.opencontainers.image.title': 'An app, with\nlines' },
      manifests: [{}, {}],
    });
    expect(JSON.stringify(index)).toContain('"annotations":{"a":"b"}');
    expect(digestOf('latest')).toBe(outputs['digest']);
  });

  it('only plans with dry-run', async () => {
    const { app, digestOf, run } = await start();
    const inputs = { target: `${app}:1`, sources: `${app}:1-amd64`, 'dry-run': 'true' };
    const { code, outputs, summary } = await run(inputs);
    expect(code).toBe(0);
    expect(digestOf('1')).toBeUndefined();
    const { json = '', ...others } = outputs;
    expect(JSON.parse(json)).toMatchObject({ ok: true, dryRun: true });
    expect(summary).toContain('### Dry run');
    expect((await run({ ...inputs, 'dry-run': 'false' })).outputs['digest']).toBe(others['digest']);
    expect(others['tags']).toBe(`${app}:1`);
  });

  it('creates a draft for later steps with push: false, in the directory of the job', async () => {
    const { app, digestOf, run } = await start();
    const inputs = {
      target: `${app}:1`,
      sources: `${app}:attested`,
      tags: 'latest',
      push: 'false',
      attestations: 'drop',
    };
    const first = await run(inputs);
    expect(first.code, first.stderr).toBe(0);
    expect(digestOf('1')).toBeUndefined();
    expect(first.outputs['tags']).toBe('');
    expect(JSON.parse(first.outputs['json'] ?? '')).toMatchObject({
      ok: true,
      state: 'draft',
      reference: `${app}:1`,
    });
    // Another job has a directory of its own; the same one has the draft.
    expect(await run(inputs)).toMatchObject({ code: 0 });
    expect(
      await run(inputs, { MULTIARCH_STORE: join(first.step.directory, 'multiarch', 'drafts') }),
    ).toMatchObject({ code: 7 });
  });

  it('fails with an annotation and the error as JSON, and moves no tag', async () => {
    const { app, digestOf, run } = await start();
    const inputs = { target: `${app}:1`, sources: `${app}:1-amd64`, require: BOTH };
    const { code, stdout, stderr, outputs, summary } = await run(inputs);
    expect(code).toBe(5);
    expect(digestOf('1')).toBeUndefined();
    expect(stderr).toMatch(/^::error title=multiarch::.*linux\/arm64.*%0Ahint: .*$/m);
    expect(Object.keys(outputs).toSorted()).toEqual(['json', 'tags']);
    expect(outputs['tags']).toBe('');
    expect(JSON.parse(outputs['json'] ?? '')).toMatchObject({
      ok: false,
      error: { kind: 'requirement', exitCode: 5 },
    });
    expect(stdout).toContain('::group::Result\n{\n');
    expect(summary).toBe('');
  });

  it.each<[string, Record<string, string>, RegExp]>([
    [
      'an input',
      { push: 'maybe' },
      /^::error title=multiarch::the input push takes true or false, not "maybe"%0Ahint: .*\n$/,
    ],
    [
      'another version',
      { version: '99' },
      /^::error title=multiarch::the workflow expects multiarch 99, but the action has .*\n$/,
    ],
    [
      'a value of the command',
      { attestations: 'maybe' },
      /^::error title=multiarch::--attestations takes one of keep, drop.*\n$/,
    ],
    ['no target', {}, /^::error title=multiarch::too few arguments for create%0Ahint: .*\n$/],
    [
      'an unknown argument',
      { target: 'localhost/app', args: '--nope%0A' },
      /^::error title=multiarch::unknown flag: --nope%250A%0A.*\n$/,
    ],
  ])('fails with 125 for %s, with one annotation', async (_, inputs, message) => {
    const { run } = await start();
    const { code, stderr } = await run(inputs);
    expect(stderr).toMatch(message);
    expect(code).toBe(125);
  });

  const HOSTILE = [
    'x\n::set-output name=digest::evil',
    'x\r::add-path::/evil',
    'x\n::endgroup::\n##[add-path]/evil',
    'json<<END\nx\nEND\ndigest=evil $(id)',
    '</code><script>alert(1)</script> | `a` | [b](c)',
  ];

  it.each(HOSTILE)('lets no value end an output or be a command to the runner: %j', async (hostile) => {
    const { app, run } = await start();
    const sources = `${app}:1-amd64\n${app}:1-arm64`;
    const metadata = JSON.stringify({
      tags: [`${app}:1`],
      annotations: [`index:title=${hostile}`],
      labels: {},
    });
    const published = await run({ sources, metadata });
    const failed = await Promise.all([
      run({ target: hostile, sources }),
      run({ target: `${app}:1`, sources: hostile }),
      run({ target: `${app}:1`, sources, tags: hostile }),
      run({ target: `${app}:1`, sources, digests: hostile }),
      run({ target: `${app}:1`, sources, 'metadata-files': hostile }),
      run({ target: `${app}:1`, sources, args: hostile }),
      run({ target: `${app}:1`, metadata: hostile }),
    ]);
    for (const { stdout, stderr, outputs, summary } of [published, ...failed]) {
      const commands = `${stdout}${stderr}`.split(/[\r\n]/).filter((line) => /^\s*::|##\[/.test(line));
      const allowed =
        /^::(?:group::Result|endgroup::|error title=multiarch::.*|warning title=multiarch::.*)$/;
      expect(commands.filter((line) => !allowed.test(line) || line.includes('##['))).toEqual([]);
      expect(commands.filter((line) => line === '::endgroup::').length).toBeLessThan(2);
      expect(
        Object.keys(outputs).filter(
          (name) => !['digest', 'image', 'metadata', 'tags', 'json'].includes(name),
        ),
      ).toEqual([]);
      expect(outputs['digest'] ?? 'sha256:').toMatch(/^sha256:/);
      expect(summary).not.toMatch(/<script|\]\(/);
    }
    expect(published.code, published.stderr).toBe(0);
  });
});
