import { ReleaseError } from './release-error.js';

/** The home of the project. Links of releases start with it. */
export const REPOSITORY = 'https://github.com/multiarch-cli/multiarch';

interface Section {
  /** `Unreleased`, or a version. */
  readonly name: string;
  /** The positions of the heading, of the content after it, and of its end. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
}

const HEADING = /^## \[?([^\]\s]+)\]?.*\n/gmu;
/** The definitions of links at the end of the file. */
const LINKS = /^\[[^\]\n]+\]: /mu;

function sectionsOf(text: string): readonly Section[] {
  const headings = [...text.matchAll(HEADING)];
  const links = LINKS.exec(text)?.index ?? text.length;
  return headings.map((heading, index) => ({
    name: heading[1] ?? '',
    start: heading.index,
    content: heading.index + heading[0].length,
    end: headings[index + 1]?.index ?? links,
  }));
}

/** Returns the content of a section of a changelog. Undefined if it does not exist. */
export function sectionOf(text: string, name: string): string | undefined {
  const section = sectionsOf(text).find((found) => found.name === name);
  return section === undefined ? undefined : text.slice(section.content, section.end).trim();
}

/** Reports whether the section Unreleased has at least one change. */
export function hasUnreleasedChanges(text: string): boolean {
  return /^- \S/mu.test(sectionOf(text, 'Unreleased') ?? '');
}

/** What a changelog says of a release. */
export interface ChangelogRelease {
  readonly version: string;
  /** Such as `2026-12-01`. */
  readonly date: string;
  /** The version of the last release. Undefined for the first release. */
  readonly previous: string | undefined;
}

/**
 * Moves the section Unreleased to a release, and updates the links at the end (Keep a Changelog 1.1.0).
 *
 * @throws {@link ReleaseError} if the changelog has no changes to release, or has the version already
 */
export function releaseChangelog(text: string, { version, date, previous }: ChangelogRelease): string {
  const sections = sectionsOf(text);
  const section = sections.find(({ name }) => name === 'Unreleased');
  if (section === undefined || !hasUnreleasedChanges(text)) {
    throw new ReleaseError(
      'CHANGELOG.md has no changes under "## [Unreleased]"',
      'Describe what has changed since the last release.',
    );
  }
  if (sections.some(({ name }) => name === version)) {
    throw new ReleaseError(
      `CHANGELOG.md already has a section ${version}`,
      'Choose another version, or rename it.',
    );
  }
  const heading = text.slice(section.start, section.content).trim();
  const moved = [
    text.slice(0, section.start),
    `${heading}\n\n## [${version}] - ${date}\n\n`,
    `${text.slice(section.content, section.end).trim()}\n\n`,
    text.slice(section.end),
  ].join('');
  return withLinks(moved, version, previous);
}

function withLinks(text: string, version: string, previous: string | undefined): string {
  const start = LINKS.exec(text)?.index ?? text.length;
  const kept = text
    .slice(start)
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('[Unreleased]: '));
  const changes = previous === undefined ? `releases/tag/v${version}` : `compare/v${previous}...v${version}`;
  const links = [
    `[Unreleased]: ${REPOSITORY}/compare/v${version}...HEAD`,
    `[${version}]: ${REPOSITORY}/${changes}`,
    ...kept,
  ];
  return `${text.slice(0, start).trimEnd()}\n\n${links.join('\n')}\n`;
}
