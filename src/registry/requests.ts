import { registryApiHost } from '../auth/credentials/docker-hub.js';
import { repositoryScope, type Scope } from '../auth/requests/scope.js';
import type { HttpRequest, HttpResponse } from '../http/message.js';
import type { RegistryHost, Repository } from '../oci/reference.js';

/** Sends requests to registries with the credentials that belong to them. `AuthClient` is one. */
export interface RegistrySender {
  /** @throws as `HttpClient.send`, and UnauthorizedError where no token is to be had */
  send(registry: RegistryHost, request: HttpRequest, scopes: readonly Scope[]): Promise<HttpResponse>;
}

/** What a repository is opened for. With `push`, every request asks for the right to push, so that one token serves all. */
export type Access = 'pull' | 'push';

/** Requests to one repository. */
export class RepositoryRequests {
  readonly repository: Repository;
  readonly #sender: RegistrySender;
  readonly #scope: Scope;

  constructor(sender: RegistrySender, repository: Repository, access: Access) {
    this.repository = repository;
    this.#sender = sender;
    this.#scope =
      access === 'push'
        ? repositoryScope(repository.path, 'pull', 'push')
        : repositoryScope(repository.path, 'pull');
  }

  /**
   * @param request to the registry itself, or to where it sends an upload
   * @param more scopes that this request needs beside its repository's own, which stays first
   */
  send(request: HttpRequest, more: readonly Scope[] = []): Promise<HttpResponse> {
    const { registry } = this.repository;
    const own = new URL(`${request.url.protocol}//${registryApiHost(registry)}`);
    const negotiateScheme = request.url.host === own.host;
    return this.#sender.send(registry, { negotiateScheme, ...request }, [this.#scope, ...more]);
  }
}
