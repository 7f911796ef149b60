import { describe, expect, it } from 'vitest';

import { schemaProblems } from '../../src/oci/schema-problems.js';
import type { SchemaError } from '../../src/oci/schemas.generated.js';

const error = (instancePath: string, keyword: string, params: Record<string, unknown> = {}): SchemaError => ({
  instancePath,
  keyword,
  params,
  schemaPath: `#/${keyword}`,
});

describe('schemaProblems', () => {
  it.each([
    [error('/a', 'required', { missingProperty: 'b' }), '/a', 'has no "b"'],
    [error('', 'type', { type: 'object' }), '', 'must be an object'],
    [error('/a', 'type', { type: ['array', 'null'] }), '/a', 'must be an array'],
    [
      error('/a', 'type', { type: ['string', 'integer', 'boolean'] }),
      '/a',
      'must be a string, a whole number or true or false',
    ],
    [error('/a', 'const', { allowedValue: 2 }), '/a', 'must be 2'],
    [error('/a', 'enum', { allowedValues: ['x', 'y', 'z'] }), '/a', 'must be "x", "y" or "z"'],
    [error('/a', 'minimum', { limit: 0 }), '/a', 'must be 0 or more'],
    [error('/a', 'maximum', { limit: 9 }), '/a', 'must be 9 or less'],
    [error('/a', 'minItems', { limit: 1 }), '/a', 'must have 1 or more elements'],
    [error('/a', 'pattern', { pattern: '^x' }), '/a', 'must match ^x'],
    [error('/a', 'additionalProperties', { additionalProperty: 'b/c' }), '/a/b~1c', 'is not a known member'],
    [error('/a', 'dependentRequired', { property: 'b', missingProperty: 'c' }), '/a', 'has "b" without "c"'],
    [error('/a', 'propertyNames'), '/a', 'violates the schema rule "propertyNames"'],
  ])('describes %j', (given, pointer, message) => {
    expect(schemaProblems([given])).toEqual([{ pointer, message, rule: `schema/${given.keyword}` }]);
  });

  it('describes a pattern by its name', () => {
    const given = {
      ...error('/digest', 'pattern', { pattern: '^…$' }),
      schemaPath: '#/$defs/digest/pattern',
    };
    expect(schemaProblems([given])[0]?.message).toContain('64 lower-case hexadecimal digits');
  });

  it('merges alternatives of different types', () => {
    const problems = schemaProblems([
      error('/version', 'const', { allowedValue: 1 }),
      error('/source', 'type', { type: 'string' }),
      error('/source', 'type', { type: 'object' }),
      error('/source', 'anyOf'),
    ]);
    expect(problems.map(({ pointer, message }) => `${pointer} ${message}`)).toEqual([
      '/version must be 1',
      '/source must be a string or an object',
    ]);
  });

  it('keeps only the errors inside an alternative of the right type', () => {
    const problems = schemaProblems([
      error('/source', 'type', { type: 'string' }),
      error('/source/platform', 'type', { type: 'string' }),
      error('/source', 'oneOf'),
      error('/sourceX', 'type', { type: 'string' }),
    ]);
    expect(problems.map(({ pointer }) => pointer)).toEqual(['/source/platform', '/sourceX']);
  });

  it('reports that no alternative matches', () => {
    const problems = schemaProblems([error('', 'required', { missingProperty: 'a' }), error('', 'anyOf')]);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain('none of the allowed forms');
  });
});
