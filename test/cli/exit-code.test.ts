import { describe, expect, it } from 'vitest';

import { exitCodeOf } from '../../src/cli/exit-code.js';
import {
  ArgumentError,
  CancelledError,
  ConflictError,
  FailedError,
  InvalidError,
  NotFoundError,
  RateLimitedError,
  RequirementError,
  SourcesError,
  UnauthorizedError,
  UnavailableError,
} from '../../src/oci/errors.js';

describe('exitCodeOf', () => {
  it.each([
    [new FailedError('x'), 1],
    [new NotFoundError('x'), 3],
    [new UnauthorizedError('x'), 4],
    [new InvalidError('x'), 5],
    [new RequirementError('x'), 5],
    [new UnavailableError('x'), 6],
    [new RateLimitedError('x'), 6],
    [new ConflictError('x'), 7],
    [new ArgumentError('x'), 125],
    [new CancelledError('x'), 130],
    [new SourcesError([new UnauthorizedError('x'), new NotFoundError('y')], 2), 4],
  ])('gives %s the code of its kind', (error, code) => {
    expect(exitCodeOf(error)).toBe(code);
  });

  it('accepts the errors of another copy of the library', () => {
    expect(exitCodeOf(Object.assign(new Error('x'), { kind: 'conflict' }))).toBe(7);
  });

  it.each([
    [new TypeError('x')],
    [Object.assign(new Error('x'), { kind: 'toString' })],
    [Object.assign(new Error('x'), { kind: 7 })],
    ['conflict'],
    [undefined],
    [null],
  ])('is 1 for anything else: %s', (error) => {
    expect(exitCodeOf(error)).toBe(1);
  });
});
