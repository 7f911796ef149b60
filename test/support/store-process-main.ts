/** The process that `store-process.ts` starts: adds sources to a draft, and may kill itself at any step. */
import { amendSource, createDraft } from '../../src/drafts/edits.js';
import { DraftStore } from '../../src/drafts/store.js';
import { MultiarchError } from '../../src/oci/errors.js';
import { at, image } from './drafts.js';
import { watchFileCalls } from './file-calls.js';
import type { StoreJob, StoreJobResult } from './store-process.js';

const { directory, target, sources, killBefore, ballast = 0 } = JSON.parse(process.argv[2] ?? '') as StoreJob;
const calls = await watchFileCalls(killBefore);
const store = new DraftStore(directory);
const result: { -readonly [Name in keyof StoreJobResult]: StoreJobResult[Name] } = { calls };
try {
  for (const source of sources) {
    calls.length = 0;
    await store.update(at(target), (draft) =>
      amendSource(draft ?? createDraft(at(target)), at(source), [
        image(source, 'linux/amd64', { annotations: { ballast: 'x'.repeat(ballast) } }),
      ]),
    );
  }
} catch (error) {
  if (!(error instanceof MultiarchError)) throw error;
  const { name, message, hint } = error;
  result.error = { name, message, ...(hint !== undefined && { hint }) };
}
console.log(JSON.stringify(result));
