import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { exitCodeOf } from '../../src/cli/exit-code.js';
import { errorJson, REGISTRY_CODES } from '../../src/cli/output/error-json.js';
import { FailedError } from '../../src/oci/errors.js';
import { anchorOf, page, proseOf, root, sections } from './markdown.js';

const [ownPart, registryPart] = sections(proseOf(page('docs/errors.md')), 2).map(({ text }) =>
  sections(text, 3),
);

/** The kinds of errors in the schema of results, which the tests of all commands are held to. */
const kinds = (
  JSON.parse(readFileSync(`${root}schemas/output/definitions.schema.json`, 'utf8')) as {
    $defs: { error: { properties: { kind: { enum: readonly string[] } } } };
  }
).$defs.error.properties.kind.enum;

describe('docs/errors.md', () => {
  it('has a heading for each kind of error, with the kind and its exit code', () => {
    const codes = kinds.map((kind) => kind.toUpperCase().replaceAll('-', '_'));
    expect(ownPart?.map(({ title }) => title)).toEqual(codes.toSorted());
    for (const kind of kinds) {
      const code = kind.toUpperCase().replaceAll('-', '_');
      const { text } = ownPart?.find(({ title }) => title === code) ?? { text: '' };
      expect(text).toContain(`Kind \`${kind}\`, exit code ${exitCodeOf({ kind })}.`);
    }
  });

  it('has a heading for each code of the distribution specification that is no kind', () => {
    const codes = [...REGISTRY_CODES].filter((code) => code !== 'UNAUTHORIZED');
    expect(registryPart?.map(({ title }) => title)).toEqual(codes.toSorted());
  });

  it('is what the help of an error links to', () => {
    const titles = [...(ownPart ?? []), ...(registryPart ?? [])].map(({ title }) => title);
    for (const code of REGISTRY_CODES) {
      const exchange = {
        method: 'GET',
        url: 'https://e.example/',
        status: 400,
        errors: [{ code, message: '' }],
      };
      const { help } = errorJson(new FailedError('failed', { exchange })).error;
      expect(titles.map(anchorOf)).toContain(help.split('#')[1]);
      expect(help).toMatch(/\/docs\/errors\.md#/);
    }
  });
});
