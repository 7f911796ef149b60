import assert from 'node:assert/strict';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';

import * as fc from 'fast-check';

import { COMMANDS } from '../../../src/cli/commands/command-table.js';
import { parseArgv, type OptionDeclarations } from '../../../src/cli/flags.js';
import { EXIT } from '../../../src/cli/exit-code.js';
import { GLOBAL_FLAGS } from '../../../src/cli/global-options.js';
import { main } from '../../../src/cli/main.js';
import { ArgumentError } from '../../../src/oci/errors.js';
import { sharedDirectory } from '../../support/sandbox.js';
import { anyCharacter, orError, property, type Target } from '../property.js';

/** The commands, with their flags that need a value and those that are complete. */
const commands = await Promise.all(
  COMMANDS.map(async ({ name, load }) => {
    const declaredFlags: OptionDeclarations = { ...GLOBAL_FLAGS, ...(await load()).options };
    const options = Object.entries(declaredFlags);
    const valued = options.filter(([, { type, choices }]) => type !== 'boolean' && choices === undefined);
    return {
      name,
      valued: valued.map(([flag]) => `--${flag}`),
      complete: options.flatMap(([flag, { type, choices = [], alias }]) => [
        ...choices.map((choice) => `--${flag}=${choice}`),
        ...(type === 'boolean' ? [`--${flag}`] : []),
        ...(type === 'boolean' && typeof alias === 'string' ? [`-${alias}`] : []),
      ]),
    };
  }),
);

/** Nothing listens at port 1, so no request leaves the machine or gets a response. */
const NAMES = [
  'app',
  'app:1.2',
  '127.0.0.1:1/app:1',
  '127.0.0.1:1/team/app@sha256:' + '0'.repeat(64),
  'localhost:1/app',
  'oci:layout:1',
  'oci:layout',
  'oci-archive:file.tar:1',
  'docker-archive:file.tar',
  'docker-daemon:app:1',
  'docker://127.0.0.1:1/app',
  'oci-layout://layout:1',
  'app:1.2-{arch}',
  'linux/amd64',
  'linux/arm/v7,linux/arm64',
  'file.json',
  'sha256:' + 'a'.repeat(64),
  '{"digest":"sha256:' + 'b'.repeat(64) + '"}',
];

const VALUES = [
  '-',
  '--',
  '',
  '1',
  '0',
  'true',
  'json',
  'table',
  'auto',
  'oci',
  'keep',
  'KEY=VALUE',
  'none',
  '5s',
  '8MiB',
];

/** No slashes, so that no path leads out of the directory. */
const anyText = fc.string({ unit: anyCharacter, maxLength: 6 }).map((text) => text.replaceAll(/[/\\]/g, ''));

const values = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...NAMES, ...VALUES) },
  { weight: 1, arbitrary: anyText },
);

/** Command lines that are mostly usable: one or two names, and flags of the command with values. */
const commandLines = fc.constantFrom(...commands).chain(({ name, valued, complete }) =>
  fc.tuple(
    fc.oneof({ weight: 20, arbitrary: fc.constant(name) }, { weight: 1, arbitrary: anyText }),
    fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 2 }),
    fc.array(
      fc.oneof(
        { weight: 6, arbitrary: fc.constantFrom(...complete) },
        {
          weight: 6,
          arbitrary: fc.tuple(fc.constantFrom(...valued), values).map(([flag, value]) => `${flag}=${value}`),
        },
        { weight: 1, arbitrary: fc.constantFrom('--nope', '-z', '--', '-', '-pt', ...valued) },
        { weight: 1, arbitrary: values },
      ),
      { maxLength: 3 },
    ),
  ),
);

const codes: ReadonlySet<number> = new Set(Object.values(EXIT));

let directory: string;

async function open(): Promise<() => Promise<void>> {
  const shared = await sharedDirectory();
  const before = process.cwd();
  directory = shared.directory;
  // Relative names of files lead into it.
  process.chdir(directory);
  return async () => {
    process.chdir(before);
    await shared.remove();
  };
}

async function run(
  argv: readonly string[],
  stdin: string,
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const outputs = Promise.all([buffer(stdout), buffer(stderr)]);
  const env = {
    HOME: directory,
    DOCKER_CONFIG: join(directory, 'docker'),
    MULTIARCH_STORE: join(directory, 'drafts'),
    XDG_CACHE_HOME: join(directory, 'cache'),
    DOCKER_HOST: 'tcp://127.0.0.1:1',
    HTTPS_PROXY: 'http://127.0.0.1:1',
    HTTP_PROXY: 'http://127.0.0.1:1',
  };
  const code = await main(argv, { stdout, stderr, stdin: Readable.from([Buffer.from(stdin)]), env });
  stdout.end();
  stderr.end();
  const [out, errors] = await outputs;
  return { code, stdout: out, stderr: errors.toString('utf8') };
}

const declared = {
  tag: { type: 'string', array: true, alias: 't' },
  file: { type: 'string', alias: 'f' },
  purge: { type: 'boolean', alias: 'p' },
  retries: { type: 'number' },
} as const;

export const commandLine: Target = {
  name: 'command-line',
  open,
  properties: [
    property(
      'any command line ends with a documented exit code and without a fault',
      [
        commandLines,
        fc.oneof(
          fc.constantFrom('', '{}', 'secret\n', 'images: [}', '{"schemaVersion":2,"manifests":[]}'),
          anyText,
        ),
      ],
      async ([command, names, flags], stdin) => {
        const args = [command, ...names, ...flags, '--retries=0', '--timeout=2s'];
        const { code, stderr } = await run(args, stdin);
        assert(codes.has(code), `exit code ${code}\n${stderr}`);
        assert.doesNotMatch(stderr, /bug in multiarch/);
        // With --debug or --log-level debug, errors are printed with their stack.
        if (!args.some((text) => /^--debug|^--log-level=debug/.test(text)))
          assert.doesNotMatch(stderr, /^\s+at .*:\d+:\d+\)?$/m);
        if (code !== 0 && code !== EXIT.different) assert.notEqual(stderr, '');
        return code === EXIT.usage ? 'usage' : code === 0 ? 'done' : 'failed';
      },
      { batch: 80, reaches: ['usage', 'done', 'failed'] },
    ),
    property(
      'flags in any of their forms have the values that were given',
      [
        fc.array(fc.tuple(fc.constantFrom('--tag=', '--tag', '-t', '-t=', '-pt'), anyText), { maxLength: 4 }),
        fc.array(fc.constantFrom('app', 'app:1.2', '-'), { maxLength: 3 }),
      ],
      (tags, names) => {
        fc.pre(tags.every(([form, text]) => !/^-?-?\w+$/.test(form) || !/^[-=]|^$/.test(text)));
        const argv = tags.flatMap(([form, text]) => (form === '--tag' ? [form, text] : [form + text]));
        const parsed = parseArgv([...names, ...argv], declared);
        assert.deepEqual(
          parsed.flags['tag'] ?? [],
          tags.map(([, text]) => text),
        );
        assert.deepEqual(parsed.positionals, names);
      },
      { batch: 200 },
    ),
    property(
      'any arguments are parsed or rejected, and those after -- are positionals',
      [
        fc.array(
          fc.oneof(anyText, fc.constantFrom('-t', '--tag', '-pt', '--retries', '--', '--file=x', '-')),
          { maxLength: 6 },
        ),
      ],
      (args) => {
        const parsed = orError(ArgumentError, () => parseArgv(args, declared));
        if (parsed instanceof ArgumentError) return 'rejected';
        const end = args.indexOf('--');
        if (end >= 0 && !['-t', '--tag', '-pt', '--retries'].includes(args[end - 1] ?? ''))
          assert.deepEqual(
            parsed.positionals.slice(-args.slice(end + 1).length || Infinity),
            args.slice(end + 1),
          );
        return 'parsed';
      },
      { batch: 200, reaches: ['rejected', 'parsed'] },
    ),
  ],
};
