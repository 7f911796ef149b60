import type { Assembly } from '../assemble/assembly.js';
import type { CreateOptions } from './create.js';

/**
 * What an assembly says beside its target and its images, as options of `Multiarch.create`:
 * `create(assembly.target, assembly.images, assemblyOptions(assembly))`.
 */
export function assemblyOptions(assembly: Assembly): CreateOptions {
  const { tags, format, annotations, artifactType, subject, attestations, require } = assembly;
  return { draftTags: tags, format, annotations, artifactType, subject, attestations, require };
}
