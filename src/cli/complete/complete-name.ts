import { TagLists } from '../../cache/tag-lists.js';
import { Multiarch } from '../../client/multiarch.js';
import { findHome } from '../../environment.js';
import { cacheDirectory } from '../../files/cache-directory.js';
import { GLOBAL_OPTIONS } from '../global-options.js';
import { readSettings } from '../settings/settings.js';
import type { CommandWords } from './command-words.js';
import { DIRECTIVE, type Completion } from './completion.js';
import {
  completeDraft,
  completeEntry,
  completeHost,
  completeImage,
  completeRepository,
  type NameSources,
} from './known-names.js';
import type { NameKind } from './value-kinds.js';

/** In milliseconds: how long the user waits for a registry. */
const TIME_LIMIT = 1_000;
/** The most tags that are asked for, in one request if the registry allows it. */
const MAX_TAGS = 1_000;

/** Completes the name of a draft, an image, a repository or a registry. */
export async function completeName(
  kind: NameKind,
  text: string,
  { flags, positionals }: CommandWords,
  env: NodeJS.ProcessEnv,
): Promise<Completion> {
  const given = Object.fromEntries([...flags].map(([name, values]) => [name, values.at(-1)]));
  const settings = await readSettings({ flags: given, given: new Set(flags.keys()) }, GLOBAL_OPTIONS, env);
  // Those of words are strings, and those of variables and the file have the types of their flags.
  const values = settings.flags as Readonly<Record<string, string | number | boolean | undefined>>;
  const value = (name: string): string | undefined => values[name]?.toString();
  const usesCache = value('no-cache') !== 'true';
  const authfile = value('authfile');
  const client = new Multiarch({
    store: value('store'),
    cache: usesCache,
    insecure: value('insecure') === 'true' || value('tls-verify') === 'false',
    retries: 0,
    registries: settings.registries,
    env: authfile === undefined ? env : { ...env, REGISTRY_AUTH_FILE: authfile },
    tls: { ca: value('cacert'), cert: value('cert'), key: value('key') },
    signal: AbortSignal.timeout(TIME_LIMIT),
  });
  const sources: NameSources = {
    drafts: async () => (await client.listDrafts()).drafts,
    tags: (repository) => tagsOf(client, repository, usesCache ? openTagLists(env) : undefined),
  };
  const [first = '', ...others] = positionals;
  try {
    switch (kind) {
      case 'draft':
        return await completeDraft(text, sources, positionals);
      case 'document':
        // A draft, or else a file.
        return { ...(await completeDraft(text, sources)), directive: DIRECTIVE.files };
      case 'entry':
        return await completeEntry(text, first, sources, others);
      case 'image':
        return await completeImage(text, sources);
      case 'draft-or-image':
        return await completeImage(text, sources, true);
      case 'repository':
        return await completeRepository(text, sources);
      case 'host':
        return await completeHost(text, sources);
    }
  } finally {
    await client.close();
  }
}

function openTagLists(env: NodeJS.ProcessEnv): TagLists | undefined {
  const directory = cacheDirectory({ env, platform: process.platform, homeDirectory: findHome(env) });
  return directory === undefined ? undefined : new TagLists(directory);
}

/** The tags of a repository; none if it cannot be read in time, which is kept too: the next key must not wait as long. */
async function tagsOf(
  client: Multiarch,
  repository: string,
  lists: TagLists | undefined,
): Promise<readonly string[]> {
  const kept = await lists?.find(repository).catch(() => undefined);
  if (kept !== undefined) return kept;
  const listed = await client.tags(repository, { limit: MAX_TAGS }).then(
    ({ tags }) => tags,
    () => [],
  );
  // A cache only saves time.
  await lists?.keep(repository, listed).catch(() => {});
  return listed;
}
