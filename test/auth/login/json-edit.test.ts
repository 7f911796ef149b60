import { describe, expect, it } from 'vitest';

import { withMember, withoutMember } from '../../../src/auth/login/json-edit.js';

const ENTRY = { auth: 'x' };
const add = (text: string): string => withMember(text, ['auths', 'r'], ENTRY);
const remove = (text: string): string => withoutMember(text, ['auths', 'r']);

describe('a member that is put into a text', () => {
  it.each<[string, string, string]>([
    [
      'of nothing is written as docker does',
      '',
      '{\n\t"auths": {\n\t\t"r": {\n\t\t\t"auth": "x"\n\t\t}\n\t}\n}',
    ],
    ['of an empty object too', '{}\n', '{\n\t"auths": {\n\t\t"r": {\n\t\t\t"auth": "x"\n\t\t}\n\t}\n}\n'],
    [
      'is indented as its neighbours',
      '{\n  "psFormat": "a\\tb",\n  "auths": {\n    "a": {}\n  }\n}\n',
      '{\n  "psFormat": "a\\tb",\n  "auths": {\n    "a": {},\n    "r": {\n      "auth": "x"\n    }\n  }\n}\n',
    ],
    [
      'is indented as the text, where it has no neighbours',
      '{\r\n    "auths": {},\r\n    "z": 1\r\n}',
      '{\r\n    "auths": {\r\n        "r": {\r\n            "auth": "x"\r\n        }\r\n    },\r\n    "z": 1\r\n}',
    ],
    ['stays on one line with the text', '{"auths":{"a":{}}}', '{"auths":{"a":{},"r":{"auth":"x"}}}'],
    ['is spaced as the text', '{"auths": {"a": {}}}', '{"auths": {"a": {}, "r": {"auth": "x"}}}'],
    [
      'stays on its line of a longer text',
      '{\n "auths": {"a": {}}\n}',
      '{\n "auths": {"a": {}, "r": {"auth": "x"}}\n}',
    ],
    ['comes with the object around it', '{"z":[{"]":"}"}]}', '{"z":[{"]":"}"}],"auths":{"r":{"auth":"x"}}}'],
    ['replaces a null parent', '{"auths":null}', '{"auths":{"r":{"auth":"x"}}}'],
    [
      'replaces the current value, and nothing else',
      '{ "auths" : { "r" : {"identitytoken":"y","n":{"}":[1,2]}} , "s":{} } }',
      '{ "auths" : { "r" : {"auth" : "x"} , "s":{} } }',
    ],
    ['replaces the one that counts', '{"auths":{"r":1,"r":2}}', '{"auths":{"r":1,"r":{"auth":"x"}}}'],
    [
      'is known by its name however that is written',
      '{"auths":{"\\u0072":1}}',
      '{"auths":{"\\u0072":{"auth":"x"}}}',
    ],
  ])('%s', (_name, text, expected) => {
    expect(add(text)).toBe(expected);
    expect(JSON.parse(expected)).toMatchObject({ auths: { r: ENTRY } });
  });

  it('is the same text when it is put there again', () => {
    const once = add('{\n  "z": 1.0e2,\n  "a": "\\/"\n}\n');
    expect(add(once)).toBe(once);
  });
});

describe('a member that is taken out of a text', () => {
  it.each<[string, string, string]>([
    ['the first', '{"auths": {"r": {"a": [1]}, "s": 2}}', '{"auths": {"s": 2}}'],
    ['the last', '{\n "auths": {\n  "a": {},\n  "r": {}\n }\n}\n', '{\n "auths": {\n  "a": {}\n }\n}\n'],
    ['the middle one', '{"auths":{"a":1,\n"r":2,\n"b":3}}', '{"auths":{"a":1,\n"b":3}}'],
    ['the only one', '{\n\t"auths": {\n\t\t"r": {}\n\t},\n\t"z": 1\n}', '{\n\t"auths": {},\n\t"z": 1\n}'],
    ['all of its name', '{"auths":{"r":1,"a":2,"r":3}}', '{"auths":{"a":2}}'],
    ['none of its name elsewhere', '{"r":1,"x":{"r":2}}', '{"r":1,"x":{"r":2}}'],
    ['none where the object is none', '{"auths":null}', '{"auths":null}'],
    ['none in an empty text', '', ''],
  ])('%s', (_name, text, expected) => {
    expect(remove(text)).toBe(expected);
  });

  it('leaves what was there before it was put there', () => {
    const text = '{\n    "z": 1.50,\n    "auths": {\n        "a": {}\n    }\n}';
    expect(remove(add(text))).toBe(text);
  });
});
