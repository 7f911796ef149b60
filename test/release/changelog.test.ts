import { readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { hasUnreleasedChanges, releaseChangelog, sectionOf } from '../../release/changelog.js';
import { thrownBy } from '../support/failure.js';

const FIRST = `# Changelog

All notable changes.

## [Unreleased]

### Added

- The first
  change.
`;

const HOME = 'https://github.com/multiarch-cli/multiarch';

const release = (text: string, version: string, previous?: string): string =>
  releaseChangelog(text, { version, date: '2027-01-02', previous });

describe('a release', () => {
  it('moves the changes, and adds the links of the first release', () => {
    expect(release(FIRST, '0.1.0')).toBe(`# Changelog

All notable changes.

## [Unreleased]

## [0.1.0] - 2027-01-02

### Added

- The first
  change.

[Unreleased]: ${HOME}/compare/v0.1.0...HEAD
[0.1.0]: ${HOME}/releases/tag/v0.1.0
`);
  });

  it('keeps the sections and links of earlier releases', () => {
    const first = release(FIRST, '0.1.0');
    const second = release(
      first.replace('## [Unreleased]\n', '## [Unreleased]\n\n### Fixed\n\n- A fix.\n'),
      '0.2.0',
      '0.1.0',
    );
    expect(second.split('\n').filter((line) => /^(?:##|\[|-)/u.test(line))).toEqual([
      '## [Unreleased]',
      '## [0.2.0] - 2027-01-02',
      '### Fixed',
      '- A fix.',
      '## [0.1.0] - 2027-01-02',
      '### Added',
      '- The first',
      `[Unreleased]: ${HOME}/compare/v0.2.0...HEAD`,
      `[0.2.0]: ${HOME}/compare/v0.1.0...v0.2.0`,
      `[0.1.0]: ${HOME}/releases/tag/v0.1.0`,
    ]);
    expect(second).toContain('- A fix.\n\n## [0.1.0]');
    expect(sectionOf(second, '0.2.0')).toBe('### Fixed\n\n- A fix.');
    expect(sectionOf(second, '0.1.0')).toBe('### Added\n\n- The first\n  change.');
    expect(sectionOf(second, '0.3.0')).toBeUndefined();
    expect(hasUnreleasedChanges(second)).toBe(false);
  });

  it.each([
    ['no section Unreleased', '# Changelog\n'],
    ['an empty section', '# Changelog\n\n## [Unreleased]\n'],
    ['only headings', '# Changelog\n\n## [Unreleased]\n\n### Added\n'],
    [
      'only changes of an earlier release',
      '# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2026-01-01\n\n- A.\n',
    ],
  ])('is an error with %s', (_, text) => {
    expect(thrownBy(() => release(text, '1.0.0'))).toMatchObject({
      name: 'ReleaseError',
      message: 'CHANGELOG.md has no changes under "## [Unreleased]"',
    });
  });

  it('is an error for a version that the changelog has', () => {
    const text = `${FIRST}\n## [0.1.0] - 2026-01-01\n\n- Old.\n`;
    expect(thrownBy(() => release(text, '0.1.0'))).toMatchObject({
      message: 'CHANGELOG.md already has a section 0.1.0',
    });
  });
});

describe('the changelog of this repository', () => {
  const text = readFileSync(new URL('../../CHANGELOG.md', import.meta.url), 'utf8');
  const sections = text.split(/^## /mu).slice(1);

  it('starts with Unreleased, and each section has its headings once and in order', () => {
    expect(sections[0]).toMatch(/^\[Unreleased\]\n/u);
    const order = ['Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security'];
    for (const section of sections) {
      const headings = [...section.matchAll(/^### (.*)$/gmu)].map(([, heading]) => heading);
      expect(headings).toEqual(order.filter((heading) => headings.includes(heading)));
      for (const part of section.split(/^### /mu)) {
        const groups = [...part.matchAll(/^([A-Z].*):$/gmu)].map(([, group]) => group);
        expect(groups).toEqual([...new Set(groups)]);
      }
    }
  });

  it('has each change once, in a list below a heading or the title of a group', () => {
    const changes = text.split(/\n(?=- )/u).slice(1);
    expect(changes).toEqual([...new Set(changes)]);
    const lines = text.split('\n');
    // What a merge by lines leaves behind: a list without a heading, or a title inside a list.
    const stray = lines.filter(
      (line, at) => /^ *\*?\*?[A-Z][a-z ,]*:$/u.test(line) && (lines[at - 1] !== '' || line.startsWith(' ')),
    );
    const apart = lines.filter(
      (line, at) =>
        line.startsWith('- ') && lines[at - 1] === '' && !/^(?:#|[^-\s].*:$)/u.test(lines[at - 2] ?? ''),
    );
    expect([...stray, ...apart]).toEqual([]);
  });
});
