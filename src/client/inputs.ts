import type { OnEvent } from '../content/events.js';
import type { Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import type { Descriptor } from '../oci/descriptor.js';
import { parseDigest } from '../oci/digest.js';
import { parsePlatform, type Platform } from '../oci/platform.js';
import type { ExpectedTag } from '../publish/expected-tag.js';

/** What every call of `Multiarch` takes. */
export interface CallOptions {
  /** Cancels the call, as does the client's own signal. */
  readonly signal?: AbortSignal | undefined;
  /** Called with the events of the call, after the client's own handler. */
  readonly onEvent?: OnEvent | undefined;
}

/** An image in an object that reads images: a `MemoryStore`, an `ImageLayout`, or a `Source` of the caller's own. */
export interface SourceImage {
  readonly source: Source;
  /** A tag or a digest. */
  readonly selector: string;
}

/** An image in an object that images are published to. */
export interface TargetImage {
  readonly target: Target;
  /** A tag or a digest. */
  readonly selector: string;
}

/** An image that is read: a name as on the command line, or an image in an object. */
export type ImageSource = string | SourceImage;

/** An image that is published, or the draft of one: a name as on the command line, or an image in an object. */
export type ImageTarget = string | TargetImage;

/** A platform, parsed or as text: `linux/arm64`. */
export type PlatformInput = string | Platform;

/** A descriptor whose digest may be text. */
export type DescriptorInput = Omit<Descriptor, 'digest'> & { readonly digest: string };

/** A descriptor of which only the digest is required. */
export type PartialDescriptorInput = Pick<DescriptorInput, 'digest'> & Partial<DescriptorInput>;

/** @throws ArgumentError */
export function platformOf(input: PlatformInput): Platform {
  return typeof input === 'string' ? parsePlatform(input) : input;
}

/** @throws ArgumentError */
export function platformsOf(inputs: readonly PlatformInput[] = []): readonly Platform[] {
  return inputs.map(platformOf);
}

/** @throws ArgumentError */
export function descriptorOf(input: DescriptorInput): Descriptor {
  return { ...input, digest: parseDigest(input.digest) };
}

/** @throws ArgumentError */
export function expectedTagOf(text: string): ExpectedTag | 'any' {
  return text === 'any' || text === 'none' ? text : parseDigest(text);
}
