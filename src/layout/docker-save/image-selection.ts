import { isDigest } from '../../oci/digest.js';
import { ArgumentError, NotFoundError, printable } from '../../oci/errors.js';
import {
  familiarReference,
  isTag,
  parseReferenceIfValid,
  sameRepository,
  withDefaultTag,
  type RefName,
  type Reference,
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
      hint: images.some(({ names, id }) => names.length > 0 || isDigest(id))
        ? namesHint('Choose one:', images)
        : 'None of them has a name. Save them again by name, or save only one.',
    });
  }
  const ids = found.map(({ id }) => id);
  throw new ArgumentError(
    `${label} holds ${found.length} different images named ${familiarReference(reference)}`,
    {
      hint: ids.every(isDigest)
        ? `Choose one by its digest: ${ids.join(', ')}.`
        : `They are ${ids.join(', ')}. Save only one of them.`,
    },
  );
}

/**
 * The image at a position, counted from 0.
 * @throws NotFoundError if there are fewer images
 */
export function imageAt<T extends NamedImage>(images: readonly T[], position: number, label: string): T {
  const image = images[position];
  if (image !== undefined) return image;
  throw new NotFoundError(`${label} has no image at position ${position}`, {
    hint: `It holds ${images.length}; the first is @0.`,
  });
}

/**
 * The image that has a name with this tag; `undefined` if none has.
 * @throws ArgumentError if several images have
 */
export function imageTagged<T extends NamedImage>(
  images: readonly T[],
  tag: RefName,
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
  const unnamed = distinct(images.filter((image) => image.names.length === 0)).map(({ id }) => id);
  const names = [
    ...new Set(images.flatMap((image) => image.names.map(printable))),
    ...unnamed.filter(isDigest).map((digest) => `@${digest}`),
  ];
  const others = unnamed.filter((id) => !isDigest(id)).length;
  if (others > 0) names.push(`${others} ${others === 1 ? 'image' : 'images'} without a name`);
  return names.length === 0 ? `${prefix} none.` : `${prefix} ${names.join(', ')}.`;
}

/**
 * Full names take precedence. A name without a tag matches the tag `latest`; a tag alone, as a layout has it, matches a
 * reference to any repository.
 */
function imagesNamed<T extends NamedImage>(images: readonly T[], reference: Reference): T[] {
  const named = (read: (name: string) => Reference | undefined): T[] =>
    images.filter(({ names }) => names.some((name) => sameName(read(name), reference)));
  const exact = named(tryParseReference);
  if (exact.length > 0) return exact;
  const tagged = images.filter(
    ({ names }) => names.length > 0 && names.every((name) => name === reference.tag),
  );
  return tagged.length > 0 ? tagged : named(withLatest);
}

function withLatest(name: string): Reference | undefined {
  // Docker has written `<none>:<none>`.
  const reference = parseReferenceIfValid(name);
  return reference === undefined ? undefined : withDefaultTag(reference);
}

function sameName(name: Reference | undefined, reference: Reference): boolean {
  return name !== undefined && name.tag === reference.tag && sameRepository(name, reference);
}

function tryParseReference(name: string): Reference | undefined {
  // A tag alone would be parsed as a repository.
  return isTag(name) ? undefined : parseReferenceIfValid(name);
}

function distinct<T extends NamedImage>(images: readonly T[]): T[] {
  return [...new Map(images.map((image) => [image.id, image])).values()];
}
