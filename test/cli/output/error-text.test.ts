import { describe, expect, it } from 'vitest';

import { errorText } from '../../../src/cli/output/error-text.js';
import { InvalidError, NotFoundError } from '../../../src/oci/errors.js';

const STACK = /\n {4}at .*error-text\.test\.ts/;

describe('errorText', () => {
  it('is the message and the hint', () => {
    expect(errorText(new NotFoundError('no such thing', { hint: 'Make it.' }), false)).toBe(
      'no such thing\nhint: Make it.',
    );
    expect(errorText(new NotFoundError('no such thing'), false)).toBe('no such thing');
  });

  it('contains no control characters from documents or registries', () => {
    const problems = [{ pointer: '/a\u001B[2Jb', message: 'is\r\u202Ewrong', rule: 'schema/type' }];
    const text = errorText(new InvalidError('first\nsecond\u0007', { problems }), false);
    expect(text).toBe('first\nsecond \n  /a [2Jb: is  wrong [schema/type]');
  });

  it('lists all problems of a document before the hint', () => {
    const problems = [
      { pointer: '/manifests/0/digest', message: 'is too short', rule: 'digest/length' },
      { pointer: '', message: 'is not an object', rule: 'schema/type' },
    ];
    expect(errorText(new InvalidError('app:1 is invalid', { problems, hint: 'Mend it.' }), false)).toBe(
      [
        'app:1 is invalid',
        '  /manifests/0/digest: is too short [digest/length]',
        '  (document): is not an object [schema/type]',
        'hint: Mend it.',
      ].join('\n'),
    );
  });

  it('has a stack only with --debug', () => {
    const error = new NotFoundError('no such thing', { cause: new Error('the cause') });
    expect(errorText(error, false)).not.toMatch(STACK);
    const text = errorText(error, true);
    expect(text.startsWith('no such thing\n')).toBe(true);
    expect(text).toMatch(STACK);
    expect(text).toContain('[cause]: Error: the cause');
  });

  it('reports other errors as bugs in multiarch', () => {
    const hint = 'hint: This is a bug in multiarch. Run it again with --debug and report the output.';
    expect(errorText(new TypeError('x is not a function'), false)).toBe(`x is not a function\n${hint}`);
    expect(errorText('thrown text', false)).toBe(`thrown text\n${hint}`);
    const debugged = errorText(new TypeError('x is not a function'), true);
    expect(debugged).toMatch(STACK);
    expect(debugged).not.toContain('Run it again');
  });
});
