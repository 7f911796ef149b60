import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseArgv, type FlagDeclarations } from '../../src/cli/flags.js';
import { ArgumentError } from '../../src/oci/errors.js';

const DECLARED: FlagDeclarations = {
  amend: { type: 'boolean', alias: 'a' },
  purge: { type: 'boolean', alias: 'p' },
  tag: { type: 'string', array: true, alias: 't' },
  os: { type: 'string' },
  retries: { type: 'number', alias: 'r' },
  format: { choices: ['oci', 'docker'] },
};

/** The flags and the positionals of a command line. */
function read(...words: string[]): [Record<string, readonly string[]>, readonly string[]] {
  const { flags, positionals } = parseArgv(words, DECLARED);
  return [Object.fromEntries(flags), positionals];
}

function failure(...words: string[]): ArgumentError {
  try {
    parseArgv(words, DECLARED);
  } catch (error) {
    if (error instanceof ArgumentError) return error;
    throw error;
  }
  throw new Error(`${words.join(' ')} was read`);
}

describe('readWords', () => {
  it.each([
    { words: ['L', 'A', 'B'], flags: {}, positionals: ['L', 'A', 'B'] },
    {
      words: ['L', '--amend', 'A', '--amend', 'B'],
      flags: { amend: ['true'] },
      positionals: ['L', 'A', 'B'],
    },
    { words: ['-a', 'L', '-p'], flags: { amend: ['true'], purge: ['true'] }, positionals: ['L'] },
    { words: ['-ap', 'L'], flags: { amend: ['true'], purge: ['true'] }, positionals: ['L'] },
    { words: ['--os', 'linux', 'L'], flags: { os: ['linux'] }, positionals: ['L'] },
    { words: ['--os=linux', 'L'], flags: { os: ['linux'] }, positionals: ['L'] },
    { words: ['L', '--tag', 'v1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { words: ['L', '-t', 'v1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { words: ['L', '-tv1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { words: ['L', '-t=v1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { words: ['-pt', 'v1', 'L'], flags: { purge: ['true'], tag: ['v1'] }, positionals: ['L'] },
    { words: ['-ptv1', 'L'], flags: { purge: ['true'], tag: ['v1'] }, positionals: ['L'] },
    { words: ['-tap'], flags: { tag: ['ap'] }, positionals: [] },
    { words: ['-t', 'a', '--tag=b', '-tc'], flags: { tag: ['a', 'b', 'c'] }, positionals: [] },
    { words: ['--os', 'a', '--os=b'], flags: { os: ['b'] }, positionals: [] },
    { words: ['--amend=false', 'L'], flags: { amend: ['false'] }, positionals: ['L'] },
    { words: ['--amend', '--amend=0'], flags: { amend: ['false'] }, positionals: [] },
    { words: ['-a=T', '-p=1'], flags: { amend: ['true'], purge: ['true'] }, positionals: [] },
    { words: ['--amend', 'true'], flags: { amend: ['true'] }, positionals: ['true'] },
    { words: ['--amend', 'false'], flags: { amend: ['true'] }, positionals: ['false'] },
    { words: ['--os', ''], flags: { os: [''] }, positionals: [] },
    { words: ['--os='], flags: { os: [''] }, positionals: [] },
    { words: ['--os=-x'], flags: { os: ['-x'] }, positionals: [] },
    { words: ['--os', '-'], flags: { os: ['-'] }, positionals: [] },
    { words: ['--tag', 'k=v=w', '--tag=k=v'], flags: { tag: ['k=v=w', 'k=v'] }, positionals: [] },
    { words: ['--os', 'a\nb=c'], flags: { os: ['a\nb=c'] }, positionals: [] },
    { words: ['-'], flags: {}, positionals: ['-'] },
    { words: ['', 'L'], flags: {}, positionals: ['', 'L'] },
    { words: ['L', '--', '--amend', '-x', '--'], flags: {}, positionals: ['L', '--amend', '-x', '--'] },
    { words: ['--amend', '--', 'L'], flags: { amend: ['true'] }, positionals: ['L'] },
    { words: ['1.10', '0x10', '1e3', '007'], flags: {}, positionals: ['1.10', '0x10', '1e3', '007'] },
    { words: ['--retries', '12'], flags: { retries: ['12'] }, positionals: [] },
    { words: ['--format', 'oci', '--format=docker'], flags: { format: ['docker'] }, positionals: [] },
  ])('reads $words', ({ words, flags, positionals }) => {
    expect(read(...words)).toEqual([flags, positionals]);
  });

  it.each([
    { words: ['--foo'], message: 'unknown flag: --foo' },
    { words: ['--foo=secret'], message: 'unknown flag: --foo' },
    { words: ['-x'], message: 'unknown flag: -x' },
    { words: ['-apx'], message: 'unknown flag: -x in -apx' },
    { words: ['-1'], message: 'unknown flag: -1' },
    { words: ['--no-amend'], message: 'unknown flag: --no-amend' },
    { words: ['--t', 'v1'], message: 'unknown flag: --t' },
    { words: ['--constructor'], message: 'unknown flag: --constructor' },
    { words: ['--__proto__=x'], message: 'unknown flag: --__proto__' },
    { words: ['--=x'], message: 'unknown flag: --' },
    { words: ['--tag'], message: '--tag needs a value' },
    { words: ['L', '-t'], message: '-t needs a value' },
    { words: ['L', '-at'], message: '-t needs a value' },
    { words: ['--tag', '--amend'], message: '--tag needs a value, but --amend follows' },
    { words: ['-t', '--', 'v1'], message: '-t needs a value, but -- follows' },
    { words: ['--amend=maybe'], message: '--amend takes true or false, not "maybe"' },
    { words: ['--amend='], message: '--amend takes true or false, not ""' },
    { words: ['-a=2'], message: '-a takes true or false, not "2"' },
    ...['x', '', '-1', '1.5', '1e1', '0x10', 'NaN', 'Infinity', ' 1', '9999999999999999'].map((value) => ({
      words: [`--retries=${value}`],
      message: `--retries takes a whole number, not ${JSON.stringify(value)}`,
    })),
    { words: ['--format', 'zip'], message: '--format takes one of oci, docker, not "zip"' },
  ])('refuses $words', ({ words, message }) => {
    expect(failure(...words).message).toBe(message);
  });

  it.each([
    [['--password', '-hunter2'], '--password needs a value, but a flag follows'],
    [['-p', '-hunter2'], '-p needs a value, but a flag follows'],
    [['--registry-token', '-hunter2'], '--registry-token needs a value, but a flag follows'],
    [['--password-stdin=hunter2'], '--password-stdin takes true or false'],
  ])('does not repeat what may be a password or token: %j', (words, message) => {
    const declared = {
      password: { alias: 'p', type: 'string' },
      'password-stdin': { type: 'boolean' },
      'registry-token': { type: 'string' },
    } as const;
    let error: unknown;
    try {
      parseArgv(words, declared);
    } catch (thrown) {
      error = thrown;
    }
    if (!(error instanceof ArgumentError)) throw new Error('there was no error', { cause: error });
    expect(error.message).toBe(message);
    expect(error.hint ?? '').not.toContain('hunter2');
  });

  it('says how to write a value that looks like a flag', () => {
    expect(failure('--tag', '-v1').hint).toBe('If -v1 is the value, write --tag=-v1');
  });

  it('reads leading flags only, where asked to', () => {
    const { flags, positionals } = parseArgv(['-a', '--os', 'x', 'cmd', '--foo', '--', '-p'], DECLARED, {
      leading: true,
    });
    expect(Object.fromEntries(flags)).toEqual({ amend: ['true'], os: ['x'] });
    expect(positionals).toEqual(['cmd', '--foo', '--', '-p']);
  });

  it('loses no positional and changes none, wherever flags stand', () => {
    const positional = fc.string().filter((word) => !word.startsWith('-'));
    const flag = fc.constantFrom(['--amend'], ['-pa'], ['--os', 'x'], ['-tv'], ['--tag=y']);
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            positional.map((word) => [word]),
            flag,
          ),
        ),
        (parts) => {
          const expected = parts.flatMap(([first = '']) => (first.startsWith('-') ? [] : [first]));
          expect(parseArgv(parts.flat(), DECLARED).positionals).toEqual(expected);
        },
      ),
    );
  });
});
