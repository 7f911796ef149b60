import type { Digest } from './digest.js';
import { InvalidError } from './errors.js';
import { parseJson } from './json.js';
import { withoutNullMembers } from './null-members.js';
import { indexPlatform } from './platform-names.js';
import { readPlatform, type PlatformJson, type Platform } from './platform.js';
import { invalidDocument, validateDocument } from './validate.js';

/** The largest image config that is read, in bytes. */
export const MAX_CONFIG_BYTES = 8 * 1024 * 1024;

/**
 * The members of an image's configuration that are read here (image-spec, "OCI Image Configuration"). The
 * specification requires `architecture`, `os` and `rootfs`, but small tools omit them.
 */
export interface ImageConfig {
  readonly architecture?: string;
  readonly os?: string;
  readonly 'os.version'?: string;
  readonly 'os.features'?: readonly string[];
  readonly variant?: string;
  /** RFC 3339, as written. */
  readonly created?: string;
  readonly config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly rootfs?: { readonly type: 'layers'; readonly diff_ids: readonly Digest[] };
}

/** Rules that reading ignores, because they do not affect the platform or the layers. */
const TOLERATED = new Set(['schema/required', 'schema/pattern']);

/** The JSON of a config that matches its schema. */
interface ImageConfigJson extends PlatformJson {
  readonly created?: string;
  readonly config?: ImageConfig['config'] | null;
  readonly rootfs?: { readonly diff_ids?: readonly Digest[] | null };
}

/**
 * Parses the config of an image. A member that is null is absent.
 * @param label the name of the config in messages
 * @throws InvalidError if it is not JSON, too large, or a member has the wrong type
 */
export function parseImageConfig(bytes: Uint8Array, label = 'the image config'): ImageConfig {
  if (bytes.length > MAX_CONFIG_BYTES) {
    throw new InvalidError(`${label} is ${bytes.length} bytes long; the limit is ${MAX_CONFIG_BYTES}`);
  }
  const value = withoutNullMembers(parseJson(bytes, label));
  const problems = validateDocument('image-config', value, TOLERATED);
  if (problems.length > 0) throw invalidDocument(label, problems);
  const { rootfs, config, 'os.features': features, ...others } = value as ImageConfigJson;
  return {
    ...others,
    ...(features ? { 'os.features': features } : {}),
    ...(config ? { config } : {}),
    ...(rootfs === undefined ? {} : { rootfs: { type: 'layers', diff_ids: rootfs.diff_ids ?? [] } }),
  };
}

/** Returns the platform as the config states it; `undefined` if it lacks the os or the architecture. */
export function statedPlatform(config: ImageConfig): Platform | undefined {
  // Only an index entry has `features`.
  return readPlatform({ ...config, features: null });
}

/** Returns the image's platform as an index states it (see `indexPlatform`); `undefined` as {@link statedPlatform}. */
export function platformOfConfig(config: ImageConfig): Platform | undefined {
  const stated = statedPlatform(config);
  return stated === undefined ? undefined : indexPlatform(stated);
}
