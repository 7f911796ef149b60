import { describe, expect, it } from 'vitest';

import { mergeScopes, type Scope } from '../../src/auth/requests/scope.js';
import type { HttpRequest } from '../../src/http/message.js';
import { parseReference, type RegistryHost } from '../../src/oci/reference.js';
import { RepositoryRequests, type Access } from '../../src/registry/requests.js';
import { fakeResponse } from '../support/fake-response.js';

interface Sent {
  readonly registry: RegistryHost;
  readonly request: HttpRequest;
  readonly scopes: readonly Scope[];
}

async function send(reference: string, url: string, access: Access = 'pull'): Promise<Sent> {
  const sent: Sent[] = [];
  const sender = {
    send: (registry: RegistryHost, request: HttpRequest, scopes: readonly Scope[]) => {
      sent.push({ registry, request, scopes });
      return Promise.resolve(fakeResponse({ status: 200 }));
    },
  };
  const requests = new RepositoryRequests(sender, parseReference(reference), access);
  await requests.send({ method: 'PUT', url: new URL(url) }, ['repository:base:pull']);
  expect(sent).toHaveLength(1);
  return sent[0] as Sent;
}

describe('requests of a repository', () => {
  it.each<[Access, string]>([
    ['pull', 'repository:app:pull'],
    ['push', 'repository:app:pull,push'],
  ])('need the scope to %s first', async (access, scope) => {
    const { registry, scopes } = await send('localhost:5000/app', 'https://localhost:5000/v2/', access);
    expect([registry, ...mergeScopes(scopes)]).toEqual(['localhost:5000', scope, 'repository:base:pull']);
  });

  it.each([
    ['localhost:5000/app', 'https://localhost:5000/v2/app/blobs/uploads/'],
    ['registry.example.com/app', 'https://registry.example.com/v2/'],
    ['docker.io/library/app', 'https://registry-1.docker.io/v2/'],
  ])('of %s negotiate the scheme with the registry: %s', async (reference, url) => {
    expect((await send(reference, url)).request.negotiateScheme).toBe(true);
  });

  it.each([
    ['localhost:5000/app', 'https://127.0.0.1:5000/upload'],
    ['localhost:5000/app', 'https://localhost:5001/upload'],
    ['registry.example.com/app', 'https://uploads.example.com/1'],
    ['docker.io/library/app', 'https://docker.io/upload'],
  ])('of %s keep the scheme of an upload to another host: %s', async (reference, url) => {
    expect((await send(reference, url)).request.negotiateScheme).toBe(false);
  });
});
