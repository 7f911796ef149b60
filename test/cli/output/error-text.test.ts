import { describe, expect, it } from 'vitest';

import { errorText } from '../../../src/cli/output/error-text.js';
import { CancelledError, InvalidError, NotFoundError } from '../../../src/oci/errors.js';

const STACK = /\n {4}at .*error-text\.test\.ts/;

describe('errorText', () => {
  it('is the message and the hint', () => {
    expect(errorText(new NotFoundError('no such thing', { hint: 'Make it.' }), false)).toBe(
      'error: no such thing\nhint: Make it.',
    );
    expect(errorText(new NotFoundError('no such thing'), false)).toBe('error: no such thing');
  });

  it.each([
    'no such manifest: app:1',
    'No such manifest: app:1',
    'refusing to amend an existing manifest list with no --amend flag',
    'manifest for image app:1 does not exist in list:1',
    'manifest entry for image has unsupported os/arch combination: linux/z80',
    'manifest app:1 must have an OS and Architecture to be pushed to a registry',
  ])('leaves a message of docker as it is: %s', (message) => {
    expect(errorText(new NotFoundError(message), false)).toBe(message);
  });

  it('does not call an interruption an error', () => {
    expect(errorText(new CancelledError('cancelled'), false)).toBe('cancelled');
  });

  it('contains no control characters from documents or registries', () => {
    const problems = [{ pointer: '/a\u001B[2Jb', message: 'is\r\u202Ewrong', rule: 'schema/type' }];
    const error = new InvalidError('first\nforged\u0007', { problems, details: ['  second\nforged'] });
    expect(errorText(error, false)).toBe(
      'error: first forged \n  second forged\n  /a [2Jb: is  wrong [schema/type]',
    );
  });

  it('omits the middle of a value of megabytes, in a message, a problem, a detail and a hint', () => {
    const long = 'x'.repeat(3_000_000);
    const problems = [{ pointer: `/${long}`, message: 'is wrong', rule: 'schema/type' }];
    const error = new InvalidError(`cannot read ${long}: no`, {
      problems,
      details: [long],
      hint: `Use ${long}.`,
    });
    const text = errorText(error, false);
    expect(text.length).toBeLessThan(10_000);
    expect(error.message.length).toBeLessThan(5_000);
    const omitted = /x… \(\d{7} more characters\) …x/.source;
    expect(text.split('\n')).toEqual([
      expect.stringMatching(`^error: cannot read x+${omitted}+: no$`),
      expect.stringMatching(`^x+${omitted}+$`),
      expect.stringMatching(`^  /x+${omitted}+: is wrong \\[schema/type\\]$`),
      expect.stringMatching(`^hint: Use x+${omitted}+\\.$`),
    ]);
  });

  it('takes only its own line ends for line ends, also with --debug', () => {
    const cause = Object.assign(new TypeError('a\n::error::b'), { path: 'c\n::error::d\u202E' });
    const text = errorText(new NotFoundError('e\n::error::f', { cause }), true);
    expect(text).toContain('[cause]: TypeError: a ::error::b\n    at ');
    expect(text).toContain("{ path: 'c\\n::error::d ' }");
    expect(text).not.toMatch(/^\s*::/m);
  });

  it('lists all problems of a document before the hint', () => {
    const problems = [
      { pointer: '/manifests/0/digest', message: 'is too short', rule: 'digest/length' },
      { pointer: '', message: 'is not an object', rule: 'schema/type' },
    ];
    expect(errorText(new InvalidError('app:1 is invalid', { problems, hint: 'Fix it.' }), false)).toBe(
      [
        'error: app:1 is invalid',
        '  /manifests/0/digest: is too short [digest/length]',
        '  (document): is not an object [schema/type]',
        'hint: Fix it.',
      ].join('\n'),
    );
  });

  it('has a stack only with --debug', () => {
    const error = new NotFoundError('no such thing', { cause: new Error('the cause') });
    expect(errorText(error, false)).not.toMatch(STACK);
    const text = errorText(error, true);
    expect(text.startsWith('error: no such thing\n')).toBe(true);
    expect(text).toMatch(STACK);
    expect(text).toContain('[cause]: Error: the cause');
  });

  it('reports other errors as bugs in multiarch', () => {
    const hint = 'hint: This is a bug in multiarch. Run it again with --debug and report the output.';
    expect(errorText(new TypeError('x is not a function'), false)).toBe(
      `error: x is not a function\n${hint}`,
    );
    expect(errorText('thrown text', false)).toBe(`error: thrown text\n${hint}`);
    const debugged = errorText(new TypeError('x is not a function'), true);
    expect(debugged).toMatch(STACK);
    expect(debugged).not.toContain('Run it again');
  });
});
