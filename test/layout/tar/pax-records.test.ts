import { expect, it } from 'vitest';

import { parsePaxRecords } from '../../../src/layout/tar/tar-headers.js';

const parse = (text: string): ReadonlyMap<string, string> | undefined => parsePaxRecords(Buffer.from(text));

it.each<[text: string, records: Record<string, string>]>([
  ['', {}],
  ['9 path=b\n', { path: 'b' }],
  ['8 path=\n', { path: '' }],
  ['12 path=a=b\n', { path: 'a=b' }],
  ['11 path=ä\n', { path: 'ä' }],
  ['12 path=a\nb\n', { path: 'a\nb' }],
  // The length of some records may be written in two ways, with as many digits more as the number needs.
  ['9 1111=1\n', { 1111: '1' }],
  ['10 1111=1\n', { 1111: '1' }],
  ['9 path=a\n9 path=b\n11 size=10\n', { path: 'b', size: '10' }],
])('reads %j', (text, records) => {
  expect(parse(text)).toEqual(new Map(Object.entries(records)));
});

it.each([
  'path=b\n',
  ' path=b\n',
  '9\n',
  '09 path=b\n',
  '-9 path=b\n',
  '1e1 path=bb\n',
  '8 path=b\n',
  '11 path=b\n',
  '9 path=b',
  '9 path=b ',
  '7 path\n',
  '4 =\n',
  '5 =b\n',
  '0 path=b\n',
  '2 9 path=b\n',
  '9 path=b\n\0',
  '99999999999999999999 path=b\n',
])('rejects %j', (text) => {
  expect(parse(text)).toBeUndefined();
});
