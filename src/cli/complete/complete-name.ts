import { Multiarch } from '../../client/multiarch.js';
import type { CommandWords } from './command-words.js';
import { DIRECTIVE, type Completion } from './completion.js';
import {
  completeDraft,
  completeEntry,
  completeHost,
  completeImage,
  type NameSources,
} from './known-names.js';
import type { NameKind } from './value-kinds.js';

/** Completes the name of a draft, an image or a registry. */
export async function completeName(
  kind: NameKind,
  text: string,
  { flags, positionals }: CommandWords,
  env: NodeJS.ProcessEnv,
): Promise<Completion> {
  const client = new Multiarch({ store: flags.get('store')?.at(-1), env });
  try {
    const sources: NameSources = {
      drafts: async () => (await client.listDrafts()).drafts,
      tags: () => Promise.resolve([]),
    };
    const [first = '', ...others] = positionals;
    switch (kind) {
      case 'draft':
        return await completeDraft(text, sources, positionals);
      case 'document': {
        // A draft, or else a file.
        return { ...(await completeDraft(text, sources)), directive: DIRECTIVE.files };
      }
      case 'entry':
        return await completeEntry(text, first, sources, others);
      case 'image':
        return await completeImage(text, sources);
      case 'draft-or-image':
        return await completeImage(text, sources, true);
      case 'host':
        return await completeHost(text, sources);
    }
  } finally {
    await client.close();
  }
}
