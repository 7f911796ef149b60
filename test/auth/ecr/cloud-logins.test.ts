import { describe, expect, it } from 'vitest';

import { AuthClient } from '../../../src/auth/requests/auth-client.js';
import { findLogin, parseCredentialFile } from '../../../src/auth/credentials/credential-file.js';
import type { RegistryHost, RepositoryPath } from '../../../src/oci/reference.js';
import { having } from '../../support/credentials.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { FakeHttp, type FakeAnswer, type SentRequest } from '../fake-http.js';
import { push } from '../test-registry.js';

const field = (user: string, password: string): string =>
  Buffer.from(`${user}:${password}`).toString('base64');
const NULL_GUID = '00000000-0000-0000-0000-000000000000';
const JSON_KEY = '{\n  "type": "service_account",\n  "private_key": "-----BEGIN:\\n+/="\n}';

interface Cloud {
  readonly registry: string;
  /** The entry that the cloud's tool writes into docker's configuration, or that its documentation names. */
  readonly entry: object;
  /** The registry's challenge. */
  readonly challenge: string;
  /** The expected token request: `METHOD host/path`. */
  readonly token: string;
  readonly authorization?: string;
  /** Of the form or the query. */
  readonly parameters: Readonly<Record<string, string>>;
}

const scope = 'repository:team/app:pull,push';

const CLOUDS: readonly (Cloud & { readonly name: string })[] = [
  {
    name: 'Azure: az acr login stores a null GUID and an identity token, which is posted',
    registry: 'team.azurecr.io',
    entry: { auth: field(NULL_GUID, ''), identitytoken: 'refresh.token' },
    challenge: 'Bearer realm="https://team.azurecr.io/oauth2/token",service="team.azurecr.io"',
    token: 'POST team.azurecr.io/oauth2/token',
    parameters: {
      grant_type: 'refresh_token',
      refresh_token: 'refresh.token',
      service: 'team.azurecr.io',
      client_id: 'multiarch',
      scope,
    },
  },
  {
    name: 'Azure: the exposed token as the password of a null GUID',
    registry: 'team.azurecr.io',
    entry: { auth: field(NULL_GUID, 'refresh.token') },
    challenge: 'Bearer realm="https://team.azurecr.io/oauth2/token",service="team.azurecr.io"',
    token: 'GET team.azurecr.io/oauth2/token',
    authorization: `Basic ${field(NULL_GUID, 'refresh.token')}`,
    parameters: { service: 'team.azurecr.io', scope, client_id: 'multiarch', account: NULL_GUID },
  },
  {
    name: 'Google: an access token',
    registry: 'europe-docker.pkg.dev',
    entry: { auth: field('oauth2accesstoken', 'ya29.a-b_c') },
    challenge: 'Bearer realm="https://europe-docker.pkg.dev/v2/token",service="europe-docker.pkg.dev"',
    token: 'GET europe-docker.pkg.dev/v2/token',
    authorization: `Basic ${field('oauth2accesstoken', 'ya29.a-b_c')}`,
    parameters: {
      service: 'europe-docker.pkg.dev',
      scope,
      client_id: 'multiarch',
      account: 'oauth2accesstoken',
    },
  },
  {
    name: 'Google: the key of a service account, a JSON document of many lines',
    registry: 'europe-docker.pkg.dev',
    entry: { auth: field('_json_key', JSON_KEY) },
    challenge: 'Bearer realm="https://europe-docker.pkg.dev/v2/token",service="europe-docker.pkg.dev"',
    token: 'GET europe-docker.pkg.dev/v2/token',
    authorization: `Basic ${field('_json_key', JSON_KEY)}`,
    parameters: { service: 'europe-docker.pkg.dev', scope, client_id: 'multiarch', account: '_json_key' },
  },
  {
    name: 'GitHub: any user and a token of GitHub',
    registry: 'ghcr.io',
    entry: { auth: field('octocat', 'ghp_0123') },
    challenge: 'Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:user/image:pull"',
    token: 'GET ghcr.io/token',
    authorization: `Basic ${field('octocat', 'ghp_0123')}`,
    parameters: { service: 'ghcr.io', scope, client_id: 'multiarch', account: 'octocat' },
  },
  {
    name: 'GitLab: the token of a job, at a server on another host',
    registry: 'registry.gitlab.com',
    entry: { auth: field('gitlab-ci-token', 'glcbt-64_x') },
    challenge: 'Bearer realm="https://gitlab.com/jwt/auth",service="container_registry"',
    token: 'GET gitlab.com/jwt/auth',
    authorization: `Basic ${field('gitlab-ci-token', 'glcbt-64_x')}`,
    parameters: { service: 'container_registry', scope, client_id: 'multiarch', account: 'gitlab-ci-token' },
  },
  {
    name: 'Quay: a robot account, whose name has a plus sign',
    registry: 'quay.io',
    entry: { auth: field('team+robot', 'X:Y') },
    challenge: 'Bearer realm="https://quay.io/v2/auth",service="quay.io"',
    token: 'GET quay.io/v2/auth',
    authorization: `Basic ${field('team+robot', 'X:Y')}`,
    parameters: { service: 'quay.io', scope, client_id: 'multiarch', account: 'team+robot' },
  },
];

async function pushTo({
  registry,
  entry,
  challenge,
}: Cloud): Promise<{ status: number; asked: SentRequest | undefined }> {
  const host = registry as RegistryHost;
  const file = parseCredentialFile(JSON.stringify({ auths: { [registry]: entry } }), 'config.json');
  const http = new FakeHttp(({ url, headers }): FakeAnswer => {
    if (!url.pathname.startsWith('/v2/team/'))
      return { status: 200, body: { access_token: 'T', token: 'T' } };
    if (headers['authorization'] === 'Bearer T') return { status: 202 };
    return { status: 401, headers: { 'www-authenticate': challenge } };
  });
  const client = new AuthClient({
    http,
    credentials: having(findLogin(file, host, 'team/app' as RepositoryPath)?.credential),
  });
  const url = new URL(`https://${registry}/v2/team/app/blobs/uploads/`);
  const { status } = await client.send(host, { method: 'POST', url }, [push('team/app')]);
  return { status, asked: http.sent[1] };
}

describe('the login of a cloud', () => {
  it.each(CLOUDS)('$name', async (cloud) => {
    const { status, asked } = await pushTo(cloud);
    expect(status).toBe(202);
    expect(`${asked?.method} ${asked?.url.host}${asked?.url.pathname}`).toBe(cloud.token);
    expect(asked?.headers['authorization']).toBe(cloud.authorization);
    const sent = asked?.body === undefined ? asked?.url.searchParams : new URLSearchParams(asked.body);
    // The challenge's scope follows the required one.
    expect(Object.fromEntries([...(sent ?? [])].toReversed())).toEqual(cloud.parameters);
    // Secrets are in a header or body, since URLs are logged.
    expect(asked?.url.href).not.toMatch(/refresh\.token|ya29|ghp_|glcbt|private_key|X%3AY/);
  });
});

describeVectors('identity token vectors', () => {
  const { lookups } = vectorJson<{
    lookups: {
      config: string | null;
      query: string;
      expected?: { username?: string; identitytoken?: string };
    }[];
  }>('auth-configs.json');
  const rows = lookups.filter(
    ({ config, expected }) => config !== null && expected?.identitytoken !== undefined,
  );

  it.each(rows)('$query: $expected.identitytoken is posted', async ({ config, query, expected }) => {
    const { auths } = JSON.parse(config ?? '{}') as { auths: Record<string, object> };
    const { asked } = await pushTo({
      registry: query,
      entry: auths[query] ?? {},
      challenge: `Bearer realm="https://${query}/oauth2/token",service="${query}"`,
      token: '',
      parameters: {},
    });
    // A registry token takes precedence.
    const registryToken = JSON.stringify(auths[query]).includes('registrytoken');
    expect(new URLSearchParams(asked?.body).get('refresh_token')).toBe(
      registryToken ? null : expected?.identitytoken,
    );
  });
});
