import { ArgumentError, NotFoundError, printable } from '../../oci/errors.js';
import {
  familiarReference,
  isTag,
  parseReference,
  sameRepository,
  type Reference,
  type Tag,
} from '../../oci/reference.js';

/** An image of an archive, with the names that it was saved under. */
export interface NamedImage {
  /** References, as written; now and then a tag alone. */
  readonly names: readonly string[];
  /** What tells it from the others, and stands for it in messages where it has no name. */
  readonly id: string;
}

/**
 * The image that is meant: the one that was saved under the reference, or the only one there is.
 *
 * @param reference with its tag; `undefined` where none was given
 * @throws NotFoundError where there is none, ArgumentError where there are several: the hint lists their names
 */
export function chooseImage<T extends NamedImage>(
  images: readonly T[],
  reference: Reference | undefined,
  label: string,
): T {
  const found = distinct(reference === undefined ? images : imagesNamed(images, reference));
  const [first, ...others] = found;
  if (first === undefined) {
    const what = reference === undefined ? 'no image' : `no image named ${familiarReference(reference)}`;
    throw new NotFoundError(`${label} holds ${what}`, {
      hint: images.length === 0 ? 'Save the image again.' : offer('It holds', images),
    });
  }
  if (others.length === 0) return first;
  if (reference === undefined) {
    throw new ArgumentError(`${label} holds ${found.length} images`, {
      hint: images.some(({ names }) => names.length > 0)
        ? offer('Say which one:', images)
        : 'None has a name: save them again by their names, or one of them alone.',
    });
  }
  throw new ArgumentError(
    `${label} holds ${found.length} different images named ${familiarReference(reference)}`,
    { hint: `They are ${found.map(({ id }) => id).join(', ')}. Save one of them alone.` },
  );
}

/**
 * The image that has a name with this tag.
 * @throws ArgumentError where several images have
 */
export function imageTagged<T extends NamedImage>(
  images: readonly T[],
  tag: Tag,
  label: string,
): T | undefined {
  const found = distinct(
    images.filter(({ names }) => names.some((name) => name === tag || parsed(name)?.tag === tag)),
  );
  if (found.length > 1) {
    throw new ArgumentError(`${label} holds ${found.length} images with the tag ${tag}`, {
      hint: offer('Say which one:', found),
    });
  }
  return found[0];
}

/** For a hint: what the images can be asked for by. */
export function offer(beginning: string, images: readonly NamedImage[]): string {
  const names = [...new Set(images.flatMap((image) => image.names.map(printable)))];
  const unnamed = distinct(images.filter((image) => image.names.length === 0)).length;
  if (unnamed > 0) names.push(`${unnamed} ${unnamed === 1 ? 'image' : 'images'} without a name`);
  return names.length === 0 ? `${beginning} none.` : `${beginning} ${names.join(', ')}.`;
}

/** By a name in full where one fits; a tag alone says nothing of the repository, so it fits any. */
function imagesNamed<T extends NamedImage>(images: readonly T[], reference: Reference): T[] {
  const exact = images.filter(({ names }) => names.some((name) => sameName(parsed(name), reference)));
  if (exact.length > 0) return exact;
  return images.filter(({ names }) => names.length > 0 && names.every((name) => name === reference.tag));
}

function sameName(name: Reference | undefined, reference: Reference): boolean {
  return name !== undefined && name.tag === reference.tag && sameRepository(name, reference);
}

/** Any text may stand where a name belongs: docker has written `<none>:<none>` there. */
function parsed(name: string): Reference | undefined {
  // By itself it would be read as a repository.
  if (isTag(name)) return undefined;
  try {
    return parseReference(name);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

function distinct<T extends NamedImage>(images: readonly T[]): T[] {
  return [...new Map(images.map((image) => [image.id, image])).values()];
}
