import { readFileSync } from 'node:fs';

import { codeSpans, root } from './markdown.js';

/** A package with code in the bundle, as `build.mjs` reports it. */
interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** The size of its code in all built files. */
  readonly bytes: number;
}

interface Sbom {
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(root + file, 'utf8')) as T;
}

/** The headings of the tables of docs/dependencies.md. */
export const TABLES = {
  direct: 'Bundled',
  indirect: 'Needed by these',
  development: 'For development',
} as const;

/** What docs/dependencies.md describes, by the build and package.json. */
export interface Dependencies {
  /** The bundled packages that package.json names. */
  readonly direct: readonly BundledPackage[];
  /** The other bundled packages, with the direct ones that need them. */
  readonly indirect: readonly (BundledPackage & { readonly neededBy: readonly string[] })[];
  /** The names of the packages without code in the bundle. */
  readonly development: readonly string[];
}

/** Reads the dependencies of the last build. */
export function readDependencies(): Dependencies {
  const bundle = merged(readJson<readonly BundledPackage[]>('dist/bundle.json'));
  const { devDependencies } = readJson<{ devDependencies: Record<string, string> }>('package.json');
  const { dependencies } = readJson<Sbom>('dist/sbom.cdx.json');
  const edges = new Map(dependencies.map(({ ref, dependsOn }) => [nameOf(ref), dependsOn.map(nameOf)]));
  const direct = bundle.filter(({ name }) => Object.hasOwn(devDependencies, name));
  const needs = new Map(direct.map(({ name }) => [name, reachedFrom(name, edges)]));
  return {
    direct,
    indirect: bundle
      .filter((each) => !direct.includes(each))
      .map((each) => ({
        ...each,
        neededBy: direct.map(({ name }) => name).filter((name) => needs.get(name)?.has(each.name) === true),
      })),
    development: Object.keys(devDependencies).filter((name) => !bundle.some((each) => each.name === name)),
  };
}

/** One entry for each name: a package may be installed in several versions. */
function merged(bundle: readonly BundledPackage[]): readonly BundledPackage[] {
  const byName = new Map<string, BundledPackage>();
  for (const each of bundle) {
    const bytes = each.bytes + (byName.get(each.name)?.bytes ?? 0);
    byName.set(each.name, { ...each, bytes });
  }
  return [...byName.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** The name in a package URL. */
function nameOf(url: string): string {
  return decodeURIComponent(/^pkg:npm\/(.+)@/.exec(url)?.[1] ?? url);
}

function reachedFrom(name: string, edges: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const reached = new Set([name]);
  for (const each of reached) for (const next of edges.get(each) ?? []) reached.add(next);
  return reached;
}

/** The cells of the rows of a table, below a heading of the page. */
export function tableRows(text: string, heading: string): readonly (readonly string[])[] {
  const [, below = ''] = text.split(new RegExp(`^#+ ${heading}$`, 'm'));
  return [...(below.split(/^#/m)[0] ?? '').matchAll(/^\| (`.*) \|$/gm)].map(([, row = '']) =>
    row.split('|').map((cell) => cell.trim()),
  );
}

/** The names in the first cells of a table. */
export function namesIn(text: string, heading: string): readonly string[] {
  return tableRows(text, heading).flatMap(([cell = '']) => codeSpans(cell));
}

/** A size as the page states it. */
export function sizeText(bytes: number): string {
  return bytes < 1000 ? `${bytes} B` : `${(bytes / 1000).toFixed(bytes < 10_000 ? 1 : 0)} kB`;
}
