import { repositoryScope } from '../../auth/requests/scope.js';
import type { ReadOptions, Selector } from '../../content/source.js';
import { manifestUrl } from '../endpoints.js';
import { readRegistryError } from '../errors/error-mapping.js';
import { manifestOperation } from '../operation.js';
import type { RepositoryRequests } from '../requests.js';

/**
 * Deletes a tag, and not its manifest, or by its digest a manifest with all its tags (distribution-spec, "Deleting tags" and
 * "Deleting Manifests"). Many registries allow only one of them, or none.
 * @throws NotFoundError; UnauthorizedError if the registry does not allow it; the other errors of `registryError`
 */
export async function deleteManifest(
  requests: RepositoryRequests,
  selector: Selector,
  { signal }: ReadOptions = {},
): Promise<void> {
  const { repository } = requests;
  const operation = manifestOperation('delete', repository, selector);
  const response = await requests.send({ method: 'DELETE', url: manifestUrl(repository, selector), signal }, [
    repositoryScope(repository.path, 'delete'),
  ]);
  if (response.status < 200 || response.status > 299) throw await readRegistryError(response, operation);
  response.discard();
}
