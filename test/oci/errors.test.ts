import { describe, expect, it, vi } from 'vitest';

import { InvalidError, isMultiarchError, NotFoundError, SourcesError } from '../../src/oci/errors.js';

describe('isMultiarchError', () => {
  it('narrows to the error of each kind', () => {
    const error: unknown = new InvalidError('x', {
      problems: [{ pointer: '', message: 'y', rule: 'json/syntax' }],
    });
    expect(isMultiarchError(error) && error.kind === 'invalid' && error.problems).toHaveLength(1);
  });

  it('recognises the errors of another copy of the library', async () => {
    vi.resetModules();
    const copy = await import('../../src/oci/errors.js');
    const error = new copy.NotFoundError('x');
    expect(error).not.toBeInstanceOf(NotFoundError);
    expect(isMultiarchError(error)).toBe(true);
  });

  it.each([[new Error('x')], [{ kind: 'invalid' }], ['invalid'], [null], [undefined]])(
    'is false for %s',
    (value) => {
      expect(isMultiarchError(value)).toBe(false);
    },
  );
});

describe('SourcesError', () => {
  it('has the kind of its first error, and all problems', () => {
    const problem = { pointer: '/x', message: 'y', rule: 'schema/type' };
    const error = new SourcesError(
      [new NotFoundError('a'), new InvalidError('b', { problems: [problem] })],
      3,
    );
    expect(error).toMatchObject({ kind: 'not-found', problems: [problem] });
  });
});
