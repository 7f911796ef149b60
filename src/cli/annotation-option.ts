import type { Annotations } from '../oci/annotation.js';
import { ArgumentError } from '../oci/errors.js';

/**
 * Reads the values of `--annotation`: `KEY=VALUE`, split at the first `=`. `index:` before the key is allowed.
 * @throws ArgumentError
 */
export function parseIndexAnnotations(words: readonly string[]): Annotations {
  return Object.fromEntries(words.map((word) => parseAnnotation(word.replace(/^index:/, ''))));
}

/** Reads `KEY=VALUE`. The value may be empty and may hold `=`. @throws ArgumentError */
function parseAnnotation(word: string): readonly [key: string, value: string] {
  if (/^manifest(\[|:)/.test(word)) {
    throw new ArgumentError(`--annotation ${word}: this one is about the index`, {
      hint: 'Annotate an image with: multiarch annotate LIST IMAGE --annotation KEY=VALUE',
    });
  }
  const equals = word.indexOf('=');
  if (equals <= 0) {
    throw new ArgumentError(`invalid annotation ${JSON.stringify(word)}`, { hint: 'Write it as KEY=VALUE.' });
  }
  return [word.slice(0, equals), word.slice(equals + 1)];
}
