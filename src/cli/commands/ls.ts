import type { Draft } from '../../drafts/draft.js';
import { entryDescriptor } from '../../drafts/entry-descriptor.js';
import { formatPlatformFull } from '../../oci/platform.js';
import type { Command } from './command.js';
import { draftJson } from '../output/draft-json.js';
import { EXIT } from '../exit-code.js';
import { isAttestation } from '../../oci/attestation.js';

/** `multiarch ls` */
export const ls: Command<unknown> = {
  positionals: {},
  options: {},
  async run(_args, { client, output, options }) {
    const { drafts, damaged } = await client.listDrafts();
    if (options.json) output.json(drafts.map(draftJson));
    else for (const draft of drafts) output.line(options.quiet ? draft.target : draftLine(draft));
    for (const { path, problem } of damaged) output.error(`${path}: ${problem}`);
    return damaged.length === 0 ? EXIT.done : EXIT.invalid;
  },
};

function draftLine(draft: Draft): string {
  const images = draft.entries.map(entryDescriptor).filter((entry) => !isAttestation(entry));
  const platforms = images.map(({ platform }) =>
    platform === undefined ? 'no platform' : formatPlatformFull(platform),
  );
  return `${draft.target}  ${platforms.length === 0 ? '(empty)' : platforms.join(', ')}`;
}
