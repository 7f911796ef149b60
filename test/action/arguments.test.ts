import { describe, expect, it } from 'vitest';

import { createCall } from '../../action/arguments.js';
import { checkVersion, Inputs } from '../../action/inputs.js';
import { parseArgv } from '../../src/cli/flags.js';
import { GLOBAL_FLAGS } from '../../src/cli/global-options.js';
import { create } from '../../src/cli/commands/create.js';

function call(given: Readonly<Record<string, string>>): ReturnType<typeof createCall> {
  const inputs = { push: 'true', 'dry-run': 'false', ...given };
  const env = Object.entries(inputs).map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value]);
  return createCall(new Inputs(Object.fromEntries(env) as Record<string, string>));
}

/** What the command line reads from the arguments of a call, without what each call has. */
function read(given: Readonly<Record<string, string>>): { flags: object; positionals: readonly string[] } {
  const [command, ...argv] = call(given).argv;
  expect(command).toBe('create');
  const { flags, given: names, positionals } = parseArgv(argv, { ...GLOBAL_FLAGS, ...create.options });
  const shown = Object.entries(flags).filter(([name]) => names.has(name) && !COMMON.has(name));
  return { flags: Object.fromEntries(shown), positionals };
}

const COMMON = new Set(['json', 'push', 'github']);

describe('createCall', () => {
  it.each<[inputs: Record<string, string>, flags: object, positionals: string[]]>([
    [{}, {}, []],
    [{ target: ' app:1 ' }, {}, ['app:1']],
    [
      { target: 'app:1', sources: 'app:a\n\n  app:b\r\noci-archive:my file,1.tar\n' },
      {},
      ['app:1', 'app:a', 'app:b', 'oci-archive:my file,1.tar'],
    ],
    [
      { target: 'app:1', tags: '1, latest\nother.example/app:1\r\n,,' },
      { tag: ['1', 'latest', 'other.example/app:1'] },
      ['app:1'],
    ],
    [
      { target: 'app:1', digests: '/tmp/digests', repository: 'other/app' },
      { digests: '/tmp/digests', repository: 'other/app' },
      ['app:1'],
    ],
    [{ metadata: '{"tags":["app:1"]}' }, { 'from-metadata': ['env'] }, []],
    [
      { metadata: '{"tags":["1","app:1","app:2"]}', sources: 'app:a' },
      { 'from-metadata': ['env'] },
      ['app:1', 'app:a'],
    ],
    [
      { metadata: '{"tags":["app:1"]}', target: 'app:2', sources: 'app:a' },
      { 'from-metadata': ['env'] },
      ['app:2', 'app:a'],
    ],
    [{ 'metadata-files': 'a.json\nmetadata' }, { 'from-metadata': ['a.json', 'metadata'] }, []],
    [{ file: 'a.yaml\nb.yaml' }, { file: ['a.yaml', 'b.yaml'] }, []],
    [
      { platforms: 'linux/amd64,linux/arm64', require: 'linux/amd64\nlinux/arm64' },
      { platform: ['linux/amd64', 'linux/arm64'], require: ['linux/amd64', 'linux/arm64'] },
      [],
    ],
    [
      { annotations: 'a=b, c\nmanifest[linux/arm64]:d=e=f' },
      { annotation: ['a=b, c', 'manifest[linux/arm64]:d=e=f'] },
      [],
    ],
    [{ attestations: 'drop' }, { attestations: 'drop' }, []],
    [{ 'dry-run': 'TRUE', push: 'false' }, { 'dry-run': true }, []],
    [
      { target: 'app:1', sources: 'app:a', args: '--wait=10m\n--annotation\nx=y z\napp:b' },
      { wait: '10m', annotation: ['x=y z'] },
      ['app:1', 'app:a', 'app:b'],
    ],
  ])('%j', (inputs, flags, positionals) => {
    expect(read(inputs)).toEqual({ flags, positionals });
  });

  it('gives metadata in the environment, as it is', () => {
    expect(call({ metadata: '{"tags":["app:1"]}' }).env).toEqual({
      DOCKER_METADATA_OUTPUT_JSON: '{"tags":["app:1"]}',
    });
    expect(call({ target: 'app:1' }).env).toEqual({});
  });

  it('asks for a draft only with push: false, without the options of a push', () => {
    expect(call({ target: 'app:1', tags: 'latest', push: 'false' }).argv).toEqual([
      'create',
      '--json',
      'app:1',
    ]);
    expect(call({ target: 'app:1' }).argv).toEqual(['create', '--json', '--push', '--github', 'app:1']);
  });

  it.each([
    'tags',
    'digests',
    'repository',
    'metadata-files',
    'file',
    'platforms',
    'require',
    'annotations',
    'attestations',
  ])('lets no value of %s be a flag or a further argument', (name) => {
    for (const value of ['--insecure', '-f', '--push=false', '; rm -rf /', '$(id)', '--', '-']) {
      const { argv } = call({ target: 'app:1', [name]: value });
      expect(argv.filter((arg) => arg.endsWith(`=${value}`))).toHaveLength(1);
      expect(argv.at(-1)).toBe('app:1');
      expect(argv).toHaveLength(6);
    }
  });

  it.each<[Record<string, string>, string]>([
    [{ target: '--insecure' }, 'not the name of an image: "--insecure"'],
    [{ target: 'app:1\n--insecure' }, String.raw`not the name of an image: "app:1\n--insecure"`],
    [{ target: 'app:1', sources: 'app:a\n--insecure' }, 'not the name of an image: "--insecure"'],
    [{ metadata: '{"tags":["-x/y"]}', sources: 'app:a' }, 'not the name of an image: "-x/y"'],
    [{ sources: 'app:a' }, 'the input target is missing'],
    [{ sources: 'app:a', metadata: '{"tags":["1.2"]}' }, 'the input target is missing'],
    [{ sources: 'app:a', metadata: '{"tags":' }, 'the input target is missing'],
    [{ sources: 'app:a', metadata: '[]' }, 'the input target is missing'],
    [{ sources: 'app:a', file: 'a.yaml' }, 'the input target is missing'],
    [{ push: '' }, 'the input push takes true or false, not ""'],
    [{ 'dry-run': 'yes' }, 'the input dry-run takes true or false, not "yes"'],
  ])('rejects %j', (inputs, message) => {
    expect(() => call(inputs)).toThrow(message);
  });
});

describe('Inputs', () => {
  it('reads variables as the runner names them', () => {
    const inputs = new Inputs({ 'INPUT_DRY-RUN': 'true', INPUT_TWO_WORDS: 'x', INPUT_EMPTY: ' \n ' });
    expect([
      inputs.flag('dry-run'),
      inputs.text('two words'),
      inputs.text('empty'),
      inputs.text('other'),
    ]).toEqual([true, 'x', undefined, undefined]);
  });
});

describe('checkVersion', () => {
  it.each([undefined, '1', 'v1', '1.2', '1.2.3', 'v1.2.3'])('accepts %s for 1.2.3', (expected) => {
    expect(() => checkVersion(expected, '1.2.3')).not.toThrow();
  });

  it.each([
    ['2', '1.2.3'],
    ['1.20', '1.2.3'],
    ['1.2.30', '1.2.3'],
    ['1.2.3', '1.2.3-rc.1'],
    ['latest', '1.2.3'],
    ['1.2.3.4', '1.2.3'],
    ['', '1.2.3'],
  ])('rejects %j for %s', (expected, actual) => {
    expect(() => checkVersion(expected, actual)).toThrow(
      `expects multiarch ${expected}, but the action has ${actual}`,
    );
  });
});
