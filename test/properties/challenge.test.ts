import * as fc from 'fast-check';
import { it } from 'vitest';

import { parseChallenges } from '../../src/auth/requests/challenge.js';

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
const value = fc.string({ maxLength: 20 });
const parameters = fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name, maxLength: 5 });
const challenges = fc.array(fc.record({ scheme: token, parameters }), { maxLength: 4 });

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

it('a challenge that matches the grammar is read back, in one header or in several', () => {
  fc.assert(
    fc.property(challenges, fc.constantFrom(', ', ',', ' ,\t'), (written, comma) => {
      const headers = written.map(
        ({ scheme, parameters: all }) =>
          `${scheme} ${all.map(([name, text]) => `${name}=${quote(text)}`).join(comma)}`,
      );
      for (const values of [headers, [headers.join(comma)]]) {
        const read = parseChallenges(values).map((challenge) => ({
          scheme: challenge.scheme,
          parameters: [...challenge.parameters],
        }));
        if (JSON.stringify(read) !== JSON.stringify(written))
          throw new Error(JSON.stringify({ values, read }));
      }
    }),
  );
});

it('any text is read to its end, without an error and without invented values', () => {
  const piece = fc.constantFrom('Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', '\n', '\0', 'é');
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
  );
  fc.assert(
    fc.property(text, (header) => {
      for (const { scheme, parameters: found } of parseChallenges([header])) {
        for (const word of [scheme, ...found.keys()]) {
          if (word === '' || !header.toLowerCase().includes(word)) throw new Error(JSON.stringify(word));
        }
      }
    }),
    { numRuns: 500 },
  );
});
