import type { Inspection } from '../../client/inspection.js';
import { parseImageConfig } from '../../oci/image-config.js';
import { isImageConfigType } from '../../oci/media-type.js';
import type { LoosePlatform } from '../../oci/platform.js';

/**
 * What an image runs on, as far as it is said, be it half a platform: by the index that the image was reached through,
 * else by its config. Empty for what is not an image.
 * @param isEntry whether the image is an entry of an index, which then has the last word: the config is not read
 */
export async function inspectedPlatform(inspection: Inspection, isEntry: boolean): Promise<LoosePlatform> {
  const { name, descriptor, document } = inspection;
  if (descriptor.platform !== undefined) return descriptor.platform;
  if (isEntry || document.kind === 'index' || !isImageConfigType(document.value.config.mediaType)) return {};
  const config = parseImageConfig(await inspection.config(), `the config of ${name}`);
  const { architecture, os, variant, 'os.version': version, 'os.features': features } = config;
  return {
    ...(architecture !== undefined && { architecture }),
    ...(os !== undefined && { os }),
    ...(version !== undefined && { 'os.version': version }),
    ...(features !== undefined && { 'os.features': features }),
    ...(variant !== undefined && { variant }),
  };
}
