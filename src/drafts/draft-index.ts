import { InvalidError } from '../oci/errors.js';
import type { ImageIndex } from '../oci/image-index.js';
import { DOCKER_LIST, OCI_INDEX, type MediaType } from '../oci/media-type.js';
import type { Draft } from './draft.js';
import { entryDescriptor } from './entry-descriptor.js';

/**
 * The image index that a draft stands for. Its entries keep their order, and equal drafts give equal indexes.
 *
 * @throws InvalidError where the draft asks for what a Docker manifest list cannot hold
 */
export function draftIndex(draft: Draft): ImageIndex {
  const { artifactType, subject, annotations } = draft;
  const mediaType = indexType(draft);
  if (mediaType === DOCKER_LIST) checkDockerList(draft);
  return {
    schemaVersion: 2,
    mediaType,
    ...(artifactType !== undefined && { artifactType }),
    manifests: draft.entries.map(entryDescriptor),
    ...(subject !== undefined && { subject }),
    ...(annotations !== undefined && { annotations }),
  };
}

/**
 * `auto` goes by the first entry, as docker does. Of an empty index only OCI says what it means; and in an image layout,
 * which docker does not write, clients such as skopeo look for nothing else.
 */
function indexType({ target, format, entries }: Draft): MediaType {
  if (format === 'docker') return DOCKER_LIST;
  if (format === 'oci' || target.startsWith('oci:')) return OCI_INDEX;
  const [first] = entries;
  const isOci = first === undefined || first.descriptor.mediaType.startsWith('application/vnd.oci.');
  return isOci ? OCI_INDEX : DOCKER_LIST;
}

/**
 * Annotations of entries that a source index states pass: clients skip what they do not know, and BuildKit's
 * statements are nothing without them. Those that the user asked for would be lost on the same clients.
 */
function checkDockerList(draft: Draft): void {
  const asked = [
    ...(draft.annotations === undefined ? [] : ['annotations']),
    ...(draft.artifactType === undefined ? [] : ['an artifact type']),
    ...(draft.subject === undefined ? [] : ['a subject']),
    ...(draft.entries.some(({ override }) => override?.annotations !== undefined)
      ? ['annotations of entries']
      : []),
  ];
  if (asked.length === 0) return;
  const why = draft.format === 'auto' ? ', which it is because its first image is not an OCI image' : '';
  throw new InvalidError(
    `${draft.target} is a Docker manifest list${why}: it cannot have ${asked.join(', ')}`,
    {
      hint: 'Create it with `--format oci`.',
    },
  );
}
