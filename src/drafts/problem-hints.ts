import { isAttestation } from '../oci/attestation.js';
import type { Draft, Entry } from './draft.js';
import { unsupportedMembers } from './draft-index.js';

/**
 * A kind of problem of a draft: `platform-variant` is a variant of another architecture, `format` is what a Docker manifest
 * list cannot express, and `size` is an index that is larger than registries accept. Three do not block a push:
 * `platform-unknown`, a platform that clients do not look for, `platform-shared`, images for one platform that differ in
 * annotations that most clients ignore, and `variant-dropped`, the variant of a source whose architecture was changed.
 */
export type DraftProblemKind =
  | 'platform-missing'
  | 'platform-variant'
  | 'platform-duplicate'
  | 'format'
  | 'size'
  | 'platform-unknown'
  | 'platform-shared'
  | 'variant-dropped';

/** A kind of problem that blocks a push. */
export type BlockingProblemKind = Exclude<
  DraftProblemKind,
  'platform-unknown' | 'platform-shared' | 'variant-dropped'
>;

/**
 * Returns what to do about problems of one kind.
 * @param entries the affected entries
 * @param isSaved whether the draft is in the store, so that commands can change it. Otherwise the hint names what to change
 *   in the call that made the draft
 */
export function problemHint(
  draft: Draft,
  kind: BlockingProblemKind,
  entries: readonly Entry[],
  isSaved: boolean,
): string {
  const [first, ...others] = entries;
  const image = first === undefined || others.length > 0 ? 'IMAGE' : selectorOf(draft, first);
  return isSaved ? savedHint(draft, kind, image) : unsavedHint(draft, kind);
}

function savedHint(draft: Draft, kind: BlockingProblemKind, image: string): string {
  const { target } = draft;
  switch (kind) {
    case 'platform-missing':
      return `Set it with \`multiarch annotate ${target} ${image} --os linux --arch ARCH\`.`;
    case 'platform-variant':
      return (
        `Correct it with \`multiarch annotate ${target} ${image} --variant VARIANT\`, or remove it with ` +
        `\`multiarch annotate ${target} ${image} --unset variant\`.`
      );
    case 'platform-duplicate':
      return (
        `Correct the platform of one with \`multiarch annotate ${target} ${image} --arch ARCH\`, remove one with ` +
        `\`multiarch remove ${target} ${image}\`, or push with --allow-duplicate-platforms.`
      );
    case 'format':
      return [
        `Make it an OCI index with \`multiarch create ${target} --amend --format oci\``,
        ...removals(draft).map(
          ([what, of]) => `remove the ${what} with \`multiarch annotate ${target}${of} --unset KEY\``,
        ),
      ]
        .join(', or ')
        .concat('.');
    case 'size':
      return `Remove entries with \`multiarch remove ${target} IMAGE\`, or annotations with \`multiarch annotate --unset\`.`;
  }
}

/** The annotations that can be removed; only if that is enough. */
function removals(draft: Draft): (readonly [what: string, of: string])[] {
  const members = unsupportedMembers(draft);
  const [first, ...others] = members;
  if (others.length > 0) return [];
  if (first === 'annotations') return [['annotations', '']];
  return first === 'annotations of entries' ? [['annotations', ' IMAGE']] : [];
}

function unsavedHint(draft: Draft, kind: BlockingProblemKind): string {
  switch (kind) {
    case 'platform-missing':
      return (
        'State its platform in an assembly file (-f), or create the draft without --push, set the platform with ' +
        '`multiarch annotate`, and publish it with `multiarch push`.'
      );
    case 'platform-variant':
      return 'State the right platform of the image in an assembly file (-f).';
    case 'platform-duplicate':
      return (
        'Leave one out, take the later one with --replace, state the right platform of one in an assembly file (-f), or ' +
        'publish both with --allow-duplicate-platforms.'
      );
    case 'format': {
      const isRemovable = unsupportedMembers(draft).every((member) => member.startsWith('annotations'));
      return isRemovable ? 'Use --format oci, or leave out the annotations.' : 'Use --format oci.';
    }
    case 'size':
      return 'Leave out images or annotations.';
  }
}

/** A text that selects exactly this entry of the draft (see `findEntry`): its source, else its digest. */
function selectorOf({ entries }: Draft, { source, descriptor }: Entry): string {
  const images = entries.filter((entry) => entry.source === source && !isAttestation(entry.descriptor));
  return images.length === 1 ? source : descriptor.digest;
}
