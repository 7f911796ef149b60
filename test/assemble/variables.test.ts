import { describe, expect, it } from 'vitest';

import { parseAssembly } from '../../src/assemble/assembly-file.js';
import { substituteVariables, variableNames } from '../../src/assemble/variables.js';
import { problemLines } from '../support/problem-lines.js';

const VARIABLES = { SET: 'value', EMPTY: '', OTHER: 'b', DOLLAR: '${SET}', a_1: 'lower' };

function substitute(text: string): unknown {
  const { value, problems } = substituteVariables(text, VARIABLES);
  return problems.length === 0 ? value : problems.map(({ message, rule }) => [rule, message]);
}

describe('substituteVariables', () => {
  it.each([
    ['no variable', 'no variable'],
    ['$SET', 'value'],
    ['${SET}', 'value'],
    ['a-$SET.b', 'a-value.b'],
    ['${SET}${OTHER}$SET', 'valuebvalue'],
    ['$a_1', 'lower'],
    ['$SET-x', 'value-x'],
    ['x${EMPTY}y', 'xy'],
    ['$EMPTY', ''],
    // With a default.
    ['${UNSET:-default}', 'default'],
    ['${EMPTY:-default}', 'default'],
    ['${SET:-default}', 'value'],
    ['${UNSET-default}', 'default'],
    ['${EMPTY-default}', ''],
    ['${SET-default}', 'value'],
    ['${UNSET-}', ''],
    ['${UNSET:-}', ''],
    ['${UNSET:--1}', '-1'],
    ['${UNSET:-a:-b?c+d}', 'a:-b?c+d'],
    // With a message.
    ['${SET:?message}', 'value'],
    ['${SET?message}', 'value'],
    ['${EMPTY?message}', ''],
    // With an alternative.
    ['${SET:+alternative}', 'alternative'],
    ['${SET+alternative}', 'alternative'],
    ['${EMPTY:+alternative}', ''],
    ['${EMPTY+alternative}', 'alternative'],
    ['${UNSET:+alternative}', ''],
    ['${UNSET+alternative}', ''],
    // Nested.
    ['${UNSET:-$SET}', 'value'],
    ['${UNSET:-${NEITHER:-${OTHER}}}', 'b'],
    ['${UNSET:-${NEITHER-x}y}z', 'xyz'],
    ['${SET:+-${OTHER}}', '-b'],
    // What is not used is not looked up.
    ['${SET:-${UNSET}}', 'value'],
    ['${SET:-${UNSET:?message}}', 'value'],
    ['${UNSET+${UNSET}}', ''],
    // Dollar signs.
    ['$$', '$'],
    ['$$SET', '$SET'],
    ['$${SET}', '${SET}'],
    ['$$$SET', '$value'],
    ['${UNSET:-$$SET}', '$SET'],
    // Braces of templates.
    ['app-{arch}', 'app-{arch}'],
    ['${SET}-{arch}', 'value-{arch}'],
    ['${UNSET:--{arch}}', '-{arch}'],
    ['${UNSET:-{os}-{arch}}{variant}', '{os}-{arch}{variant}'],
    ['a}b{c$SET', 'a}b{cvalue'],
    // A value is not substituted again.
    ['$DOLLAR', '${SET}'],
    ['${UNSET:-$DOLLAR}', '${SET}'],
  ])('%s is %j', (text, value) => {
    expect(substitute(text)).toBe(value);
  });

  const hint = (name: string): string => `Set it in the environment or with --set ${name}=VALUE`;

  it.each([
    [
      '${UNSET}',
      'unset',
      `uses the variable UNSET, which is not set. ${hint('UNSET')}, or give it a default: \${UNSET:-DEFAULT}`,
    ],
    [
      '$UNSET',
      'unset',
      `uses the variable UNSET, which is not set. ${hint('UNSET')}, or give it a default: \${UNSET:-DEFAULT}`,
    ],
    ['${UNSET:?give a version}', 'required', 'uses the variable UNSET, which is not set: give a version'],
    ['${EMPTY:?give a version}', 'required', 'uses the variable EMPTY, which is empty: give a version'],
    ['${UNSET?no $SET}', 'required', 'uses the variable UNSET, which is not set: no value'],
    ['${EMPTY:?}', 'required', `uses the variable EMPTY, which is empty. ${hint('EMPTY')}`],
    [
      '${constructor}',
      'unset',
      `uses the variable constructor, which is not set. ${hint('constructor')}, or give it a default: \${constructor:-DEFAULT}`,
    ],
    ['$', 'syntax', 'has a dollar sign without a variable at "$". Write $$ for a dollar sign'],
    ['5 $ each', 'syntax', 'has a dollar sign without a variable at "$ each". Write $$ for a dollar sign'],
    ['$5', 'syntax', 'has a dollar sign without a variable at "$5". Write $$ for a dollar sign'],
    ['${}', 'syntax', 'has a variable without a valid name at "${}". Write $$ for a dollar sign'],
    ['${1}', 'syntax', 'has a variable without a valid name at "${1}". Write $$ for a dollar sign'],
    ['${ SET }', 'syntax', 'has a variable without a valid name at "${ SET }". Write $$ for a dollar sign'],
    ['${SET', 'syntax', 'has a variable without its closing brace at "${SET". Write $$ for a dollar sign'],
    [
      '${UNSET:-{}',
      'syntax',
      'has a variable without its closing brace at "${UNSET:-{}". Write $$ for a dollar sign',
    ],
    ['${SET:-${', 'syntax', 'has a variable without a valid name at "${". Write $$ for a dollar sign'],
    ['${SET:=x}', 'syntax', 'has an unknown form of a variable at "${SET:=x}". Write $$ for a dollar sign'],
    ['${SET!x}', 'syntax', 'has an unknown form of a variable at "${SET!x}". Write $$ for a dollar sign'],
    ['${SET.x}', 'syntax', 'has an unknown form of a variable at "${SET.x}". Write $$ for a dollar sign'],
    [`${'${UNSET:-'.repeat(100_000)}x`, 'limit', 'has variables more than 16 levels deep'],
  ])('%.40s is an error', (text, rule, message) => {
    expect(substitute(text)).toEqual([[`variable/${rule}`, message]]);
  });

  it('limits the length of the result', () => {
    const { problems } = substituteVariables(['$A'.repeat(600), '$A'.repeat(600)], { A: 'x'.repeat(1000) });
    expect(problems.map(({ pointer, rule }) => [pointer, rule])).toEqual([['/1', 'variable/limit']]);
  });

  it('substitutes the strings at any depth, and neither names nor other values', () => {
    const value = {
      $SET: ['$SET', 1, true, null, { b: '$OTHER' }],
      $schema: '$UNSET',
      ['__proto__']: '$SET',
    };
    const { value: substituted, problems, sources } = substituteVariables(value, VARIABLES);
    expect(problems).toEqual([]);
    expect(JSON.stringify(substituted)).toBe(
      '{"$SET":["value",1,true,null,{"b":"b"}],"$schema":"$UNSET","__proto__":"value"}',
    );
    expect([...sources.keys()]).toEqual(['/$SET/0', '/$SET/4/b', '/__proto__']);
  });

  it('finds the names that a text may use', () => {
    expect([...variableNames('a $B ${C:-$D} $$E ${1}')]).toEqual(['B', 'C', 'D', 'E']);
  });
});

describe('parseAssembly with variables', () => {
  const FILE = `target: "\${REPO}:$VERSION"
tags: [ "\${VERSION:+stable}", '\${EXTRA:-latest}' ]
format: \${FORMAT:-oci}
annotations: { $key: "$VERSION" }
require: ["\${OS:-linux}/amd64"]
images:
  - source: \${REPO}:\${VERSION}-{arch}
    platforms: [linux/amd64]
`;
  const parse = (text: string, variables?: Record<string, string>): ReturnType<typeof parseAssembly> =>
    parseAssembly(text, 'app.yaml', { variables });

  it('substitutes every string after YAML has been read', async () => {
    expect(await parse(FILE, { REPO: 'a.example/app', VERSION: '1.2' })).toEqual({
      target: 'a.example/app:1.2',
      tags: ['stable', 'latest'],
      format: 'oci',
      annotations: { $key: '1.2' },
      require: [{ os: 'linux', architecture: 'amd64' }],
      images: [{ source: 'a.example/app:1.2-amd64', platforms: [{ os: 'linux', architecture: 'amd64' }] }],
    });
  });

  it.each([
    'x\nrequire: [linux/amd64]',
    'x", tags: ["y',
    '[a, b]',
    'a, b',
    '*alias',
    '# comment',
    '1.10',
    'null',
    '',
  ])('a value does not change the structure: %j', async (value) => {
    const { annotations, ...others } = await parse(
      '{target: a, annotations: {b: $V}, images: [{source: c}]}',
      {
        V: value,
      },
    );
    expect(annotations).toEqual({ b: value });
    expect(others).toEqual({ target: 'a', tags: [], require: [], images: [{ source: 'c' }] });
  });

  it('reports every variable that is not set, with its position, and other mistakes with what they come from', async () => {
    const text = `target: app:$VERSION
tags: [ok, "$TAG"]
require: ["$PLATFORM"]
images:
  - source: app:\${UNSET}-{arch}
    platforms: [linux/amd64]
  - source: >-
      app:\${B
    platform: linux/arm64
unknown: 1
`;
    expect(
      await problemLines(() => parse(text, { VERSION: '', TAG: 'no tag', PLATFORM: 'windows' })),
    ).toEqual([
      expect.stringMatching(/^\/target line 1, column 9: .* \(from "app:\$VERSION"\)$/),
      expect.stringMatching(/^\/tags\/1 line 2, column 12: .* \(from "\$TAG"\)$/),
      expect.stringMatching(
        /^\/require\/0 line 3, column 11: "windows" is only part .* \(from "\$PLATFORM"\)$/,
      ),
      expect.stringMatching(
        /^\/images\/0\/source line 5, column 13: uses the variable UNSET, which is not set/,
      ),
      expect.stringMatching(
        /^\/images\/1\/source line 7, column 13: has a variable without its closing brace/,
      ),
      '/unknown line 10, column 1: is not a known member',
    ]);
  });

  it('without values, no variable is set', async () => {
    expect(await problemLines(() => parse('{target: $A, images: [{source: b}]}'))).toEqual([
      expect.stringMatching(/^\/target line 1, column 10: uses the variable A, which is not set/),
    ]);
  });

  it('leaves the files of manifest-tool and lists of descriptors as they are', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const descriptor = { mediaType: 'a/b', digest, size: 1, annotations: { a: '$A ${' } };
    const [image] = (await parse(JSON.stringify(descriptor), { A: 'x' })).images;
    expect(image?.descriptor?.annotations).toEqual({ a: '$A ${' });
    const spec = '{image: app, annotations: {a: "$A"}, manifests: [{image: b}]}';
    expect((await parse(spec, { A: 'x' })).annotations).toEqual({ a: '$A' });
  });
});
