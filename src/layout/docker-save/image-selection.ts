import { ArgumentError, NotFoundError, printable } from '../../oci/errors.js';
import {
  familiarReference,
  isTag,
  parseReference,
  sameRepository,
  type Reference,
  type Tag,
} from '../../oci/reference.js';

/** An image of an archive and the names that it was saved under. */
export interface NamedImage {
  /** Unparsed references, or tags alone. */
  readonly names: readonly string[];
  /** Unique in the archive; the name in messages of an image without names. */
  readonly id: string;
}

/**
 * The image that was saved under a reference, or the only image.
 *
 * @param reference with its tag; `undefined` for the only image
 * @throws NotFoundError if none matches, ArgumentError if several do, with a hint that lists the names
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
      hint: images.length === 0 ? 'Save the image again.' : namesHint('It holds', images),
    });
  }
  if (others.length === 0) return first;
  if (reference === undefined) {
    throw new ArgumentError(`${label} holds ${found.length} images`, {
      hint: images.some(({ names }) => names.length > 0)
        ? namesHint('Choose one:', images)
        : 'None of them has a name. Save them again by name, or save only one.',
    });
  }
  throw new ArgumentError(
    `${label} holds ${found.length} different images named ${familiarReference(reference)}`,
    { hint: `They are ${found.map(({ id }) => id).join(', ')}. Save only one of them.` },
  );
}

/**
 * The image that has a name with this tag; `undefined` if none has.
 * @throws ArgumentError if several images have
 */
export function imageTagged<T extends NamedImage>(
  images: readonly T[],
  tag: Tag,
  label: string,
): T | undefined {
  const found = distinct(
    images.filter(({ names }) => names.some((name) => name === tag || tryParseReference(name)?.tag === tag)),
  );
  if (found.length > 1) {
    throw new ArgumentError(`${label} holds ${found.length} images with the tag ${tag}`, {
      hint: namesHint('Choose one:', found),
    });
  }
  return found[0];
}

/** A hint that lists the names of images. */
export function namesHint(prefix: string, images: readonly NamedImage[]): string {
  const names = [...new Set(images.flatMap((image) => image.names.map(printable)))];
  const unnamed = distinct(images.filter((image) => image.names.length === 0)).length;
  if (unnamed > 0) names.push(`${unnamed} ${unnamed === 1 ? 'image' : 'images'} without a name`);
  return names.length === 0 ? `${prefix} none.` : `${prefix} ${names.join(', ')}.`;
}

/** Full names take precedence. A tag alone matches a reference to any repository. */
function imagesNamed<T extends NamedImage>(images: readonly T[], reference: Reference): T[] {
  const exact = images.filter(({ names }) =>
    names.some((name) => sameName(tryParseReference(name), reference)),
  );
  if (exact.length > 0) return exact;
  return images.filter(({ names }) => names.length > 0 && names.every((name) => name === reference.tag));
}

function sameName(name: Reference | undefined, reference: Reference): boolean {
  return name !== undefined && name.tag === reference.tag && sameRepository(name, reference);
}

/** Names may be invalid: docker has written `<none>:<none>`. */
function tryParseReference(name: string): Reference | undefined {
  // A tag alone would be parsed as a repository.
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
