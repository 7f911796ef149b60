import { describe, expect, it } from 'vitest';

import { amd64, arm64, pair } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';

const start = () => startCommandLine({ images: { amd64, arm64, pair } });

describe('--format with a template', () => {
  it.each([
    ['inspect APP:pair', '{{.descriptor.digest}}', pair.digest],
    ['inspect APP:pair', '{{range .document.manifests}}{{.platform.architecture}} {{end}}', 'amd64 arm64 '],
    [
      'inspect APP:pair -v',
      '{{range .images}}{{.reference}}\\n{{end}}',
      `APP:pair@${amd64.manifest.digest}\nAPP:pair@${arm64.manifest.digest}`,
    ],
    ['inspect APP:amd64 --config', '{{.config.os}}/{{.config.architecture}}', 'linux/amd64'],
    ['digest APP:pair', '{{.reference}}\\t{{.digest}}', `APP:pair\t${pair.digest}`],
    ['tags APP', '{{range .tags}}{{.}},{{end}}', 'amd64,arm64,pair,'],
    ['ls', '{{range .drafts}}{{.reference}}{{end}}', 'APP:draft'],
    ['ls -q', '{{json .damaged}}', '[]'],
    ['diff APP:pair APP:pair', '{{if .same}}same{{end}}', 'same'],
    ['version', '{{.schemaVersion}} {{.node}}', `1 ${process.versions.node}`],
  ])('%s %s', async (argv, template, expected) => {
    const { app, run } = await start();
    await run(['create', `${app}:draft`, `${app}:amd64`]);
    const line = argv.replaceAll('APP', app).split(' ');
    expect(await run([...line, '--format', template])).toMatchObject({
      code: 0,
      stdout: `${expected.replaceAll('APP', app)}\n`,
      stderr: '',
    });
  });

  it('keeps the exit code of diff', async () => {
    const { app, run } = await start();
    const { code, stdout } = await run(['diff', `${app}:pair`, `${app}:amd64`, '--format={{.same}}']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'false\n' });
  });

  it('prints nothing for a failure', async () => {
    const { app, run } = await start();
    const { code, stdout } = await run(['digest', `${app}:none`, '--format', '{{.digest}}']);
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' });
  });

  it.each([
    [
      '{{.digset}}',
      'error: no field "digset" (--format)\nhint: The fields are schemaVersion, ok, reference, ',
    ],
    ['{{.digest', 'error: invalid template: a {{ has no }} (--format)\nhint: A template has '],
    ['yaml', 'error: --format takes one of text, json, or a template, not "yaml"\n'],
  ])('rejects %s', async (template, message) => {
    const { app, run } = await start();
    const { code, stdout, stderr } = await run(['digest', `${app}:pair`, '--format', template]);
    expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
    expect(stderr.startsWith(message)).toBe(true);
  });

  it('sends no request for an invalid template', async () => {
    const { app, run, registry } = await start();
    await run(['inspect', `${app}:pair`, '--format', '{{.a']);
    expect(registry.lines()).toEqual([]);
  });

  it.each([
    ['inspect app:1 --json', 'a template (--format) and --json exclude each other'],
    ['inspect app:1 --raw', '--raw and a template exclude each other'],
  ])('excludes %s', async (argv, message) => {
    const { run } = await start();
    const { code, stderr } = await run([...argv.split(' '), '--format', '{{.name}}']);
    expect({ code, stderr }).toEqual({ code: 125, stderr: `error: ${message}\n` });
  });

  it('is not for commands whose --format is the media type', async () => {
    const { run } = await start();
    expect((await run(['create', 'app:1', '--format', '{{.name}}'])).stderr).toContain('takes one of auto');
  });
});

describe('--format json', () => {
  it.each([['digest APP:pair'], ['tags APP'], ['ls'], ['version'], ['diff APP:pair APP:pair']])(
    'of %s is the same as --json',
    async (argv) => {
      const { app, run } = await start();
      const line = argv.replaceAll('APP', app).split(' ');
      const { stdout } = await run([...line, '--json']);
      expect((await run([...line, '--format', 'json'])).stdout).toBe(stdout);
      expect((await run([...line, '--format', 'json', '--json'])).stdout).toBe(stdout);
    },
  );

  it.each([['digest app:1'], ['tags app'], ['ls'], ['version']])('of %s excludes text', async (argv) => {
    const { run } = await start();
    const { code, stderr } = await run([...argv.split(' '), '--format', 'text', '--json']);
    expect({ code, stderr }).toEqual({
      code: 125,
      stderr: 'error: --format text and --json exclude each other\n',
    });
  });
});
