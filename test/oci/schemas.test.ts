import { readFileSync, readdirSync } from 'node:fs';

import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';

import { DOCUMENT_KINDS } from '../../src/oci/document-kind.js';

const folder = new URL('../../schemas/', import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith('.schema.json'));
const schemas = files.map(
  (file) => JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Record<string, string>,
);

describe('the published schemas', () => {
  it.each(DOCUMENT_KINDS)('include one for %s that other tools can load', (kind) => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, schemas });
    const schema = schemas[files.indexOf(`${kind}.schema.json`)];
    expect(schema).toMatchObject({ $id: `urn:multiarch:schema:${kind}` });
    expect(schema?.['title']).not.toBe('');
    expect(schema?.['description']).not.toBe('');
    expect(ajv.getSchema(`urn:multiarch:schema:${kind}`)?.({})).toBe(false);
  });
});

describe('the compiled validators', () => {
  const code = readFileSync(new URL('../../src/oci/schemas.generated.js', import.meta.url), 'utf8');

  it('do not need ajv at run time', () => {
    expect(code).not.toMatch(/\brequire\s*\(|\bimport\s*[({"'a-z]/);
  });
  it('do not copy previous errors, which would take quadratic time', () => {
    expect(code).not.toContain('.concat(');
  });
});
