import { expect, it } from 'vitest';

import { parseWarnings } from '../../src/http/warning-header.js';

it.each<[what: string, value: string | undefined, texts: readonly string[]]>([
  ['none', undefined, []],
  ['an empty header', '', []],
  ['one warning', '299 - "The token expires in 30 s"', ['The token expires in 30 s']],
  ['several in one header', '299 - "a, b", 299 - "c"', ['a, b', 'c']],
  ['several without a space', '299 - "a",299 - "c"', ['a', 'c']],
  ['escapes', String.raw`299 - "use \"v2\" of C:\\x"`, ['use "v2" of C:\\x']],
  ['a warning of a cache beside it', '110 - "Response is Stale", 299 - "a"', ['a']],
  ['an agent', '299 proxy.example.com "a"', []],
  ['a date', '299 - "a" "Wed, 21 Oct 2015 07:28:00 GMT"', ['a']],
  ['no end', '299 - "a', []],
  ['no text', '299 - "", 299 - " "', []],
  ['control characters', '299 - "a\tb\u001b[31mc"', ['a b [31mc']],
  ['UTF-8 as node reads it', Buffer.from('299 - "Größe"').toString('latin1'), ['Größe']],
  ['a long text', `299 - "${'x'.repeat(500)}"`, [`${'x'.repeat(400)}…`]],
])('reads %s', (_what, value, texts) => {
  expect(parseWarnings(value)).toEqual(texts);
});
