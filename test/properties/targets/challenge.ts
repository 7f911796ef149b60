import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseChallenges } from '../../../src/auth/requests/challenge.js';
import { anyCharacter, property, textOf, type Target } from '../property.js';

const token = fc.stringMatching(/^[a-z][a-z0-9-]{0,10}$/);
const value = fc.string({ maxLength: 20 });
const parameters = fc.uniqueArray(fc.tuple(token, value), { selector: ([name]) => name, maxLength: 5 });
const challenges = fc.array(fc.record({ scheme: token, parameters }), { maxLength: 4 });

function quote(text: string): string {
  return `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
}

export const challenge: Target = {
  name: 'challenge',
  properties: [
    property(
      'a challenge that matches the grammar is read back, in one header or in several',
      [challenges, fc.constantFrom(', ', ',', ' ,\t')],
      (written, comma) => {
        const headers = written.map(
          ({ scheme, parameters: all }) =>
            `${scheme} ${all.map(([name, text]) => `${name}=${quote(text)}`).join(comma)}`,
        );
        for (const values of [headers, [headers.join(comma)]]) {
          const read = parseChallenges(values).map((found) => ({
            scheme: found.scheme,
            parameters: [...found.parameters],
          }));
          assert.deepEqual(
            read,
            written.map(({ scheme, parameters: all }) => ({ scheme, parameters: all })),
          );
        }
      },
    ),
    property(
      'any text is read to its end, without an error and without invented or repeated text',
      [
        fc.oneof(
          fc.string({ unit: anyCharacter }),
          textOf(['Bearer', 'Basic', ' ', ',', '=', '"', '\\', 'realm', '\n', '\0', 'é', 'YII=']),
        ),
      ],
      (header) => {
        let length = 0;
        for (const { scheme, parameters: found } of parseChallenges([header])) {
          for (const name of [scheme, ...found.keys()]) {
            assert(name !== '' && header.toLowerCase().includes(name), name);
            length += name.length;
          }
          for (const text of found.values()) length += text.length;
        }
        assert(length <= header.length);
      },
      { batch: 500 },
    ),
  ],
};
