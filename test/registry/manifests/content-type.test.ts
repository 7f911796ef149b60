import { expect, it } from 'vitest';

import { mediaTypeOf } from '../../../src/registry/manifests/manifests.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';

it.each([
  ['application/vnd.oci.image.index.v1+json', 'application/vnd.oci.image.index.v1+json'],
  ['Application/JSON; charset=UTF-8', 'application/json'],
  ['application/json, text/html', undefined],
  ['text', undefined],
  ['', undefined],
  [undefined, undefined],
])('%j is %j', (contentType, mediaType) => {
  expect(mediaTypeOf(contentType)).toBe(mediaType);
});

describeVectors('Content-Type as other clients read it', () => {
  type Row = { readonly input: string; readonly output: string | null };
  const { content_type_simplify: rows } = vectorJson<{ content_type_simplify: Row[] }>('challenges.json');

  it.each(rows)('$input', ({ input, output }) => {
    expect(mediaTypeOf(input)).toBe(output ?? undefined);
  });
});
