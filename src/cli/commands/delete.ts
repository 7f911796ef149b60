import type { DeleteResult } from '../../client/delete.js';
import { ArgumentError, CancelledError } from '../../oci/errors.js';
import { parseImageLocation, repositoryName } from '../../oci/image-location.js';
import { isIndexType } from '../../oci/media-type.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';
import { askTyped, isKeyboard, type KeyboardInput } from '../input/prompt.js';
import type { Command, CommandContext } from './command.js';

const OPTIONS = {
  yes: { alias: 'y', type: 'boolean', describe: 'Delete without asking' },
  manifest: { type: 'boolean', describe: 'Delete the manifest of the tag, and with it all its tags' },
} as const satisfies OptionDeclarations;

/** `multiarch delete REF` */
export const deleteCommand: Command<OptionValues<typeof OPTIONS> & { readonly ref: string }> = {
  positionals: { ref: 'A tag or a digest in a registry or an image layout' },
  options: OPTIONS,
  examples: ['delete registry.example.com/app:1.2', 'delete --yes registry.example.com/app@DIGEST'],
  async run({ ref, yes = false, manifest }, context) {
    const { client, output, options, stdin } = context;
    const keyboard = isKeyboard(stdin) ? stdin : undefined;
    if (!yes && keyboard === undefined) {
      throw new ArgumentError('delete asks first, and standard input is not a terminal', {
        hint: 'Add --yes to delete without being asked.',
      });
    }
    const confirm =
      yes || keyboard === undefined ? undefined : (what: DeleteResult) => ask(what, keyboard, context);
    const result = await client.delete(ref, { manifest, confirm });
    if (!result.deleted) throw new CancelledError('cancelled: nothing was deleted');
    const { reference, kind, descriptor } = result;
    if (options.json) output.json({ reference, kind, descriptor, exists: result.exists });
    else output.line(kind === 'tag' ? `Untagged: ${reference}` : `Deleted: ${reference}`);
    reportRest(result, context);
  },
};

async function ask(
  what: DeleteResult,
  keyboard: KeyboardInput,
  { output, signal }: CommandContext,
): Promise<boolean> {
  const { reference, kind, descriptor } = what;
  const text =
    kind === 'tag'
      ? `Delete the tag ${reference}, which is ${descriptor.digest}? [y/N] `
      : `Delete ${reference} and all tags that point to it? [y/N] `;
  const [answer = ''] = await askTyped(
    keyboard,
    [{ text, secret: false }],
    (shown) => output.prompt(shown),
    signal,
  );
  return /^y(?:es)?$/i.test(answer.trim());
}

/** Says what a deletion has left. */
function reportRest({ reference, kind, descriptor, exists }: DeleteResult, { output }: CommandContext): void {
  const { digest, mediaType } = descriptor;
  if (kind === 'tag' && !exists) {
    output.warn(`the registry has deleted ${digest} together with its tag`);
  } else if (kind === 'tag') {
    const repository = repositoryName(parseImageLocation(reference));
    output.note(`note: only the tag was deleted; ${repository}@${digest} still exists`);
  } else if (isIndexType(mediaType)) {
    output.note(
      'note: the images of the index still exist; delete them by their digests if nothing else needs them',
    );
  }
}
