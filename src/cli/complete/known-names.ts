import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { resolve } from 'node:path';

import type { Draft } from '../../drafts/draft.js';
import { entryDescriptor } from '../../drafts/entry.js';
import { isAttestation } from '../../oci/attestation.js';
import {
  familiarLocation,
  formatImageLocation,
  parseImageLocation,
  type ImageLocation,
  type RegistryLocation,
} from '../../oci/image-location.js';
import { formatPlatformFull } from '../../oci/platform.js';
import { counted } from '../output/format.js';
import { completionOf, NOTHING, type Candidate, type Completion } from './completion.js';

/** What names are completed from. */
export interface NameSources {
  /** Returns the drafts of this machine. */
  readonly drafts: () => Promise<readonly Draft[]>;
  /** Returns the tags of a repository, as it is written in a reference. */
  readonly tags: (repository: string) => Promise<readonly string[]>;
}

/** The transports, of which only the first is followed by a name without a path. */
const TRANSPORTS: readonly Candidate[] = [
  { value: 'docker://', description: 'a registry' },
  { value: 'oci:', description: 'an image layout' },
  { value: 'oci-archive:', description: 'a tar file of an image layout' },
  { value: 'docker-archive:', description: 'a tar file of docker save' },
  { value: 'docker-daemon:', description: 'the Docker daemon' },
];

const PATH_TRANSPORT = /^(?:oci|oci-archive|docker-archive):/;

/** Completes the name of a draft. @param given the drafts that are named already */
export async function completeDraft(
  text: string,
  sources: NameSources,
  given: readonly string[] = [],
): Promise<Completion> {
  const drafts = draftCandidates(await sources.drafts(), text);
  return completionOf(
    drafts.filter(({ value }) => !given.includes(value)),
    text,
  );
}

/** Completes an image of a draft: its platform, its source or its digest. */
export async function completeEntry(
  text: string,
  name: string,
  sources: NameSources,
  given: readonly string[] = [],
): Promise<Completion> {
  const wanted = draftNames(name);
  const draft = (await sources.drafts()).find(({ target }) => wanted.includes(target));
  const images = (draft?.entries ?? []).map((entry) => ({ ...entry, descriptor: entryDescriptor(entry) }));
  const candidates = images
    .filter(({ descriptor }) => !isAttestation(descriptor))
    .flatMap(({ source, descriptor: { platform, digest } }): Candidate[] => {
      const shown = platform === undefined ? undefined : formatPlatformFull(platform);
      const short = shortest(source, text);
      return [
        ...(shown === undefined ? [] : [{ value: shown, description: short }]),
        { value: short, description: shown },
        // Nobody types a digest from memory, and it would hide the names.
        ...(text.startsWith('sha256:') ? [{ value: digest, description: shown ?? short }] : []),
      ];
    });
  return completionOf(
    candidates.filter(({ value }) => !given.includes(value)),
    text,
  );
}

/**
 * Completes the name of an image: a known repository, a tag after `REPOSITORY:`, a transport, or a path after one.
 * @param withDrafts whether it can be the name of a draft too
 */
export async function completeImage(
  text: string,
  sources: NameSources,
  withDrafts = false,
): Promise<Completion> {
  if (PATH_TRANSPORT.test(text)) return completePath(text);
  if (/^docker-daemon:|@/.test(text)) return NOTHING;
  const [, prefix = '', name = ''] = /^(docker:\/\/)?(.*)$/s.exec(text) ?? [];
  const drafts = await sources.drafts();
  const own = withDrafts && prefix === '' ? draftCandidates(drafts, text) : [];
  const [, repository] = /^(.+):[^/]*$/.exec(name) ?? [];
  // What precedes the colon of `localhost:5000` or `registry.example.com:5000` is a host.
  const hasTag = repository !== undefined && (repository.includes('/') || !/^localhost$|\./.test(repository));
  const tags = hasTag ? await sources.tags(repository) : [];
  const names = [
    ...tags.map((tag) => `${repository}:${tag}`),
    ...knownRepositories(drafts, name).map((known) => `${known}:`),
  ].map((value) => ({ value: prefix + value }));
  // Not `app:` again after `app:`.
  const candidates = names.filter(({ value }) => value !== text);
  return completionOf([...own, ...candidates, ...(prefix === '' ? TRANSPORTS : [])], text);
}

/** Completes the name of a repository or layout. */
export async function completeRepository(text: string, { drafts }: NameSources): Promise<Completion> {
  if (PATH_TRANSPORT.test(text)) return completePath(text);
  const repositories = knownRepositories(await drafts(), text).map((value) => ({ value }));
  return completionOf(
    [...repositories, ...TRANSPORTS.filter(({ value }) => PATH_TRANSPORT.test(value))],
    text,
  );
}

/** Completes the host of a registry that drafts name. */
export async function completeHost(text: string, { drafts }: NameSources): Promise<Completion> {
  const hosts = locationsIn(await drafts()).map(({ location }) => location.reference.registry);
  return completionOf(
    hosts.map((value) => ({ value })),
    text,
  );
}

/** Completes a path after a transport: the shell would complete a file that has the transport in its name. */
async function completePath(text: string): Promise<Completion> {
  const [, start = '', directory = ''] = /^([^:]*:)(.*\/)?[^/]*$/s.exec(text) ?? [];
  const path = directory.replace(/^~(?=\/)/, homedir());
  const entries = await readdir(path === '' ? '.' : path, { withFileTypes: true }).catch(() => []);
  const isFileWanted = !start.startsWith('oci:');
  const candidates = entries
    .filter((entry) => isFileWanted || !entry.isFile())
    .map((entry) => ({ value: `${start}${directory}${entry.name}${entry.isDirectory() ? '/' : ''}` }));
  const hasHidden = /(?:^|[:/])\.[^/]*$/.test(text);
  return completionOf(
    candidates.filter(({ value }) => hasHidden || !/(?:[:/])\.[^/]*\/?$/.test(value)),
    text,
  );
}

function draftCandidates(drafts: readonly Draft[], text: string): readonly Candidate[] {
  return drafts.map(({ target, entries }) => {
    const images = entries.filter((entry) => !isAttestation(entryDescriptor(entry)));
    return { value: shortest(target, text), description: `draft, ${counted(images.length, 'image')}` };
  });
}

/** The repositories that drafts and their sources are in. */
function knownRepositories(drafts: readonly Draft[], text: string): readonly string[] {
  return locationsIn(drafts).map(({ name }) => shortest(name, text).replace(/(?:@.*|:[^/]*)$/, ''));
}

/** The names of drafts and of their sources that are in registries. */
function locationsIn(
  drafts: readonly Draft[],
): readonly { readonly name: string; readonly location: RegistryLocation }[] {
  const names = drafts.flatMap(({ target, entries }) => [target, ...entries.map(({ source }) => source)]);
  return names.flatMap((name) => {
    const location = locationOf(name);
    return location?.transport === 'registry' ? [{ name, location }] : [];
  });
}

/** A name as people write it, unless the text has another form: `docker.io/library/app` or `app`. */
function shortest(name: string, text: string): string {
  const location = locationOf(name);
  if (location === undefined) return name;
  const short = familiarLocation(location);
  return !short.startsWith(text) && name.startsWith(text) ? name : short;
}

/** The names that a draft can have if it is called by this one. */
function draftNames(name: string): readonly string[] {
  const location = locationOf(name);
  if (location === undefined) return [];
  const full = formatImageLocation(
    'path' in location ? { ...location, path: resolve(location.path) } : location,
  );
  return [full, `${full}:latest`];
}

function locationOf(name: string): ImageLocation | undefined {
  try {
    return parseImageLocation(name);
  } catch {
    return undefined;
  }
}
