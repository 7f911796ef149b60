import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseArgv, type OptionDeclarations } from '../../src/cli/flags.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { thrownBy } from '../support/failure.js';

const DECLARED: OptionDeclarations = {
  amend: { type: 'boolean', alias: 'a' },
  purge: { type: 'boolean', alias: 'p' },
  tag: { type: 'string', array: true, alias: 't' },
  os: { type: 'string' },
  retries: { type: 'number', alias: 'r' },
  format: { choices: ['oci', 'docker'] },
};

function failure(argv: readonly string[], declared = DECLARED): ArgumentError {
  return thrownBy(() => parseArgv(argv, declared), ArgumentError);
}

describe('parseArgv', () => {
  it.each([
    { argv: ['L', 'A', 'B'], flags: {}, positionals: ['L', 'A', 'B'] },
    {
      argv: ['L', '--amend', 'A', '--amend', 'B'],
      flags: { amend: true },
      positionals: ['L', 'A', 'B'],
    },
    { argv: ['-a', 'L', '-p'], flags: { amend: true, purge: true }, positionals: ['L'] },
    { argv: ['-ap', 'L'], flags: { amend: true, purge: true }, positionals: ['L'] },
    { argv: ['--os', 'linux', 'L'], flags: { os: 'linux' }, positionals: ['L'] },
    { argv: ['--os=linux', 'L'], flags: { os: 'linux' }, positionals: ['L'] },
    { argv: ['L', '--tag', 'v1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { argv: ['L', '-t', 'v1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { argv: ['L', '-tv1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { argv: ['L', '-t=v1', 'A'], flags: { tag: ['v1'] }, positionals: ['L', 'A'] },
    { argv: ['-pt', 'v1', 'L'], flags: { purge: true, tag: ['v1'] }, positionals: ['L'] },
    { argv: ['-ptv1', 'L'], flags: { purge: true, tag: ['v1'] }, positionals: ['L'] },
    { argv: ['-tap'], flags: { tag: ['ap'] }, positionals: [] },
    { argv: ['-t', 'a', '--tag=b', '-tc'], flags: { tag: ['a', 'b', 'c'] }, positionals: [] },
    { argv: ['--os', 'a', '--os=a'], flags: { os: 'a' }, positionals: [] },
    { argv: ['--amend=false', 'L'], flags: { amend: false }, positionals: ['L'] },
    { argv: ['--amend', '-a', '--amend=1'], flags: { amend: true }, positionals: [] },
    { argv: ['-a=T', '-p=1'], flags: { amend: true, purge: true }, positionals: [] },
    { argv: ['--amend', 'true'], flags: { amend: true }, positionals: ['true'] },
    { argv: ['--amend', 'false'], flags: { amend: true }, positionals: ['false'] },
    { argv: ['--os', ''], flags: { os: '' }, positionals: [] },
    { argv: ['--os='], flags: { os: '' }, positionals: [] },
    { argv: ['--os=-x'], flags: { os: '-x' }, positionals: [] },
    { argv: ['--os', '-'], flags: { os: '-' }, positionals: [] },
    { argv: ['--tag', 'k=v=w', '--tag=k=v'], flags: { tag: ['k=v=w', 'k=v'] }, positionals: [] },
    { argv: ['--os', 'a\nb=c'], flags: { os: 'a\nb=c' }, positionals: [] },
    ...[`"a"`, `'a'`, `"`, `""`, `"a`, 'true', '012'].map((value) => ({
      argv: ['--os', value, `--tag=${value}`, value],
      flags: { os: value, tag: [value] },
      positionals: [value],
    })),
    { argv: ['-'], flags: {}, positionals: ['-'] },
    { argv: ['', 'L'], flags: {}, positionals: ['', 'L'] },
    { argv: ['L', '--', '--amend', '-x', '--'], flags: {}, positionals: ['L', '--amend', '-x', '--'] },
    { argv: ['--amend', '--', 'L'], flags: { amend: true }, positionals: ['L'] },
    { argv: ['1.10', '0x10', '1e3', '007'], flags: {}, positionals: ['1.10', '0x10', '1e3', '007'] },
    { argv: ['--retries', '12'], flags: { retries: 12 }, positionals: [] },
    { argv: ['--format', 'oci', '--format=oci'], flags: { format: 'oci' }, positionals: [] },
  ])('parses $argv', ({ argv, ...expected }) => {
    const { flags, positionals } = parseArgv(argv, DECLARED);
    expect({ flags, positionals }).toEqual(expected);
  });

  it.each([
    { argv: ['--foo'], message: 'unknown flag: --foo' },
    { argv: ['--foo=secret'], message: 'unknown flag: --foo' },
    { argv: ['-x'], message: 'unknown flag: -x' },
    { argv: ['-apx'], message: 'unknown flag: -x in -apx' },
    { argv: ['-1'], message: 'unknown flag: -1' },
    { argv: ['--no-amend'], message: 'unknown flag: --no-amend' },
    { argv: ['--t', 'v1'], message: 'unknown flag: --t' },
    { argv: ['--constructor'], message: 'unknown flag: --constructor' },
    { argv: ['--__proto__=x'], message: 'unknown flag: --__proto__' },
    { argv: ['--=x'], message: 'unknown flag: --' },
    { argv: ['--tag'], message: '--tag needs a value' },
    { argv: ['L', '-t'], message: '-t needs a value' },
    { argv: ['L', '-at'], message: '-t needs a value' },
    { argv: ['--tag', '--amend'], message: '--tag needs a value, but --amend follows' },
    { argv: ['-t', '--', 'v1'], message: '-t needs a value, but -- follows' },
    { argv: ['--amend=maybe'], message: '--amend takes true or false, not "maybe"' },
    { argv: ['--amend='], message: '--amend takes true or false, not ""' },
    { argv: ['-a=2'], message: '-a takes true or false, not "2"' },
    ...['x', '', '-1', '1.5', '1e1', '0x10', 'NaN', 'Infinity', ' 1', '9999999999999999'].map((value) => ({
      argv: [`--retries=${value}`],
      message: `--retries takes a whole number, not ${JSON.stringify(value)}`,
    })),
    { argv: ['--format', 'zip'], message: '--format takes one of oci, docker, not "zip"' },
  ])('rejects $argv', ({ argv, message }) => {
    expect(failure(argv).message).toBe(message);
  });

  it.each([
    [['--password', '-hunter2'], '--password needs a value, but a flag follows'],
    [['-p', '-hunter2'], '-p needs a value, but a flag follows'],
    [['--registry-token', '-hunter2'], '--registry-token needs a value, but a flag follows'],
    [['--password-stdin=hunter2'], '--password-stdin takes true or false'],
  ])('does not repeat what may be a password or token: %j', (argv, message) => {
    const error = failure(argv, {
      password: { alias: 'p', type: 'string' },
      'password-stdin': { type: 'boolean' },
      'registry-token': { type: 'string' },
    });
    expect(error.message).toBe(message);
    expect(error.hint ?? '').not.toContain('hunter2');
  });

  it('says how to write a value that looks like a flag', () => {
    expect(failure(['--tag', '-v1']).hint).toBe('If it is the value, write --tag=-v1.');
  });

  it('parses leading flags only, if told to', () => {
    const argv = ['-a', '--os', 'x', 'cmd', '--foo', '--', '-p'];
    expect(parseArgv(argv, DECLARED, { leading: true })).toEqual({
      flags: { amend: true, os: 'x' },
      given: new Set(['amend', 'os']),
      positionals: ['cmd', '--foo', '--', '-p'],
      leading: new Set(['amend', 'os']),
    });
  });

  it('tells which flags precede the first positional', () => {
    const leadingOf = (argv: readonly string[]): string[] => [...parseArgv(argv, DECLARED).leading];
    expect(leadingOf(['-ptv1', '--os=x', 'L', '-a', '--os=x'])).toEqual(['purge', 'tag', 'os']);
    expect(leadingOf(['L', '-a', '--', '-p'])).toEqual([]);
    expect(leadingOf(['-a'])).toEqual(['amend']);
  });

  it('keeps all positionals unchanged, at any position of the flags', () => {
    const positional = fc.string().filter((arg) => !arg.startsWith('-'));
    const flag = fc.constantFrom(['--amend'], ['-pa'], ['--os', 'x'], ['-tv'], ['--tag=y']);
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            positional.map((arg) => [arg]),
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
