import type { Problem } from './errors.js';
import { isJsonObject } from './json.js';
import { OCI_EMPTY, isImageConfigType } from './media-type.js';

const FAMILIES: Readonly<Record<string, RegExp>> = {
  OCI: /^application\/vnd\.oci\.image\./,
  Docker: /^application\/vnd\.docker\./,
};

/**
 * Returns what some clients may reject in a valid image manifest: no layers, which the image-spec discourages ("Image
 * Manifest", `layers`), an empty config without an artifact type, and OCI and Docker media types in one image.
 * @param value parsed JSON
 */
export function manifestWarnings(value: unknown): Problem[] {
  if (!isJsonObject(value)) return [];
  const { layers, config, artifactType } = value;
  const isEmpty = layers === null || (Array.isArray(layers) && layers.length === 0);
  const message = 'has no elements: some registries and clients require a layer';
  const hasEmptyConfig = isJsonObject(config) && config['mediaType'] === OCI_EMPTY;
  const untyped = 'has no "artifactType", which the image-spec requires with an empty config';
  return [
    ...(isEmpty ? [{ pointer: '/layers', message, rule: 'layers/empty' }] : []),
    ...(hasEmptyConfig && (artifactType ?? '') === ''
      ? [{ pointer: '', message: untyped, rule: 'artifact-type/missing' }]
      : []),
    ...mixedTypes(value),
  ];
}

/**
 * Returns a problem for each part of an image whose media type is of the other family than the manifest: docker rejects
 * OCI types in a Docker manifest, and some clients the reverse.
 */
export function mixedTypes({ mediaType, config, layers }: Readonly<Record<string, unknown>>): Problem[] {
  const configType = isJsonObject(config) ? config['mediaType'] : undefined;
  if (typeof configType !== 'string' || !isImageConfigType(configType)) return [];
  const own = familyOf(mediaType ?? configType);
  const layerList: readonly unknown[] = Array.isArray(layers) ? layers : [];
  return [
    ...mixedType('/config', config, own),
    ...layerList.flatMap((layer, index) => mixedType(`/layers/${index}`, layer, own)),
  ];
}

function mixedType(pointer: string, descriptor: unknown, own: string | undefined): Problem[] {
  const type = isJsonObject(descriptor) ? descriptor['mediaType'] : undefined;
  const family = familyOf(type);
  if (own === undefined || family === undefined || family === own) return [];
  const manifest = own === 'OCI' ? 'an OCI manifest' : 'a Docker manifest';
  const message = `is ${String(type)} in ${manifest}: some clients reject the mixture`;
  return [{ pointer: `${pointer}/mediaType`, message, rule: 'media-type/mixed' }];
}

function familyOf(mediaType: unknown): string | undefined {
  if (typeof mediaType !== 'string') return undefined;
  return Object.entries(FAMILIES).find(([, pattern]) => pattern.test(mediaType))?.[0];
}
