import { describe, expect, it } from 'vitest';

import { parseTemplate } from '../../../src/cli/output/template.js';
import { ArgumentError } from '../../../src/oci/errors.js';
import { thrownBy } from '../../support/failure.js';

const value = {
  name: 'docker.io/library/app:1.2',
  size: 402,
  same: false,
  nothing: null,
  descriptor: { digest: 'sha256:1', platform: { 'os.version': '10', os: 'windows' } },
  tags: [{ reference: 'a:1', previous: 'sha256:0' }, { reference: 'a:2' }],
  empty: [],
  hostile: 'a\u001b[31m\n::add-mask::x ##vso[task]',
};

describe('a template', () => {
  it.each([
    ['a field', '{{.name}}', 'docker.io/library/app:1.2'],
    ['spaces in the braces', '{{ .name }}', 'docker.io/library/app:1.2'],
    ['a field of a field', '{{.descriptor.digest}}', 'sha256:1'],
    ['text around it', 'size={{.size}} B', 'size=402 B'],
    ['a number, false and null', '{{.size}} {{.same}} {{.nothing}}', '402 false null'],
    ['an object, as JSON', '{{.descriptor.platform}}', '{"os.version":"10","os":"windows"}'],
    ['json of a text', '{{json .name}}', '"docker.io/library/app:1.2"'],
    ['json of an object', '{{json .descriptor}}', JSON.stringify(value.descriptor)],
    ['json of all', '{{json .}}', '{"name":"docker.io/library/app:1.2",'],
    ["docker's escapes", '{{.size}}\\t{{.same}}\\n', '402\tfalse\n'],
    ['a text in quotes', '{{.size}}{{"\\t"}}{{"\\u0041 \\"b\\""}}', '402\tA "b"'],
    ['a name with a dot', '{{index .descriptor.platform "os.version"}}', '10'],
    ['an item', '{{index .tags 1 "reference"}}', 'a:2'],
    ['json of an item', '{{json index .tags 0}}', '{"reference":"a:1","previous":"sha256:0"}'],
    ['a list', '{{range .tags}}{{.reference}} {{end}}', 'a:1 a:2 '],
    ['the root in a list', '{{range .tags}}{{$.size}} {{end}}', '402 402 '],
    ['an empty list', '{{range .empty}}x{{else}}none{{end}}', 'none'],
    ['a condition', '{{if .same}}same{{else}}different{{end}}', 'different'],
    [
      'a member that may be missing',
      '{{range .tags}}{{if .previous}}{{.previous}}{{else}}new{{end}} {{end}}',
      'sha256:0 new ',
    ],
    ['an empty list as condition', '{{if .empty}}x{{end}}{{if .tags}}y{{end}}', 'y'],
    ['blocks in blocks', '{{range .tags}}{{if $.size}}{{range $.tags}}.{{end}}{{end}}|{{end}}', '..|..|'],
    ['trimmed white space', 'a\n  {{- .size -}}  \n b', 'a402b'],
  ])('prints %s', (_what, text, expected) => {
    const printed = parseTemplate(text)(value);
    expect(printed.startsWith(expected)).toBe(true);
    if (!text.includes('json .}}')) expect(printed).toBe(expected);
  });

  it('shows values safely', () => {
    expect(parseTemplate('{{.hostile}}')(value)).toBe('a [31m ::add-mask::x # #vso[task]');
    expect(parseTemplate('{{json .hostile}}')(value)).toBe(
      '"a\\u001b[31m\\n::add-mask::x \\u0023#vso[task]"',
    );
  });

  it.each([
    ['{{.digset}}', 'no field "digset" (--format)', /^The fields are name, size, same, /],
    ['{{.descriptor.x}}', 'no field "x" (--format)', /^The fields are digest, platform\.$/],
    ['{{.name.x}}', 'no field "x" (--format)', /^The value has no fields\.$/],
    ['{{.tags.reference}}', 'a list of 2 has no "reference" (--format)', /range/],
    ['{{index .tags 2}}', 'a list of 2 has no 2 (--format)', /range/],
    ['{{.constructor}}', 'no field "constructor" (--format)', /^The fields are/],
    ['{{.descriptor.__proto__}}', 'no field "__proto__" (--format)', /^The fields are/],
    ['{{range .name}}{{end}}', 'range takes a list (--format)', /range/],
  ])('rejects %s for this value', (text, message, hint) => {
    const error = thrownBy(() => parseTemplate(text)(value), ArgumentError);
    expect(error.message).toBe(message);
    expect(error.hint).toMatch(hint);
  });

  it.each([
    '{{.name',
    '{{}}',
    '{{name}}',
    '{{..a}}',
    '{{.a.}}',
    '{{json}}',
    '{{.a | json}}',
    '{{printf "%s" .a}}',
    '{{$x := .a}}',
    '{{index .a b}}',
    '{{index .a 1.5}}',
    '{{"a}}',
    '{{range .a}}',
    '{{if .a}}{{else}}',
    '{{if .a}}{{else}}{{else}}{{end}}',
    '{{end}}',
    '{{else}}',
    '{{.a b}}',
    '{{call .a}}',
    '{{if .a}}'.repeat(101) + '{{end}}'.repeat(101),
    '{{range .a}}'.repeat(10_000) + '{{end}}'.repeat(10_000),
  ])('rejects %.40s as invalid', (text) => {
    const error = thrownBy(() => parseTemplate(text), ArgumentError);
    expect(error.message).toMatch(/^invalid template: .* \(--format\)$/);
    expect(error.hint).toMatch(/^A template has /);
  });

  it('takes linear time for many actions', () => {
    const text = '{{.size}}'.repeat(20_000);
    expect(parseTemplate(text)(value)).toHaveLength(60_000);
  });
});
