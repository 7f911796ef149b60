import { registryApiHost } from '../auth/credentials/docker-hub.js';
import { repositoryScope, type Scope } from '../auth/requests/scope.js';
import type { HttpRequest, HttpResponse } from '../http/message.js';
import type { RegistryHost, Repository } from '../oci/reference.js';

/** Sends requests to registries with their credentials. Implemented by `AuthClient`. */
export interface RegistrySender {
  /** @throws as `HttpClient.send`, and UnauthorizedError if no token is granted */
  send(registry: RegistryHost, request: HttpRequest, scopes: readonly Scope[]): Promise<HttpResponse>;
}

/** The rights that requests to a repository need. With `push` every request needs it, so that one token serves all. */
export type Access = 'pull' | 'push';

/** Sends the requests of one repository. */
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

  /** Reports whether a URL is at the registry itself. Its scheme may be the one that was negotiated. */
  isOwn(url: URL): boolean {
    const { registry } = this.repository;
    return url.host === new URL(`${url.protocol}//${registryApiHost(registry)}`).host;
  }

  /**
   * Sends a request to the registry, or to the URL of an upload on another host, whose scheme is not negotiated.
   * @param more scopes that the request needs in addition to that of its repository, which stays first
   */
  send(request: HttpRequest, more: readonly Scope[] = []): Promise<HttpResponse> {
    const negotiateScheme = this.isOwn(request.url);
    const scopes = [this.#scope, ...more];
    return this.#sender.send(this.repository.registry, { negotiateScheme, ...request }, scopes);
  }
}
