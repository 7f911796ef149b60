import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import type { RegistryCredential } from '../../src/auth/credentials/credential.js';
import { parseDigest } from '../../src/oci/digest.js';
import { MultiarchError } from '../../src/oci/errors.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parseTag } from '../../src/oci/reference.js';
import type { RegistryRepository } from '../../src/registry/registry-repository.js';
import { failureOf } from '../support/failure.js';
import { amd64 as image } from '../support/images.js';
import type { MemoryAccount } from '../support/memory-auth.js';
import { connect, startRegistry } from '../support/open-repository.js';
import type { Answer, LoggedRequest } from '../support/fake-server.js';

const tag = parseTag('1.2');
const account = { username: 'jane', password: 'top  secret' };
const { password } = account;

/** The forms in which a registry repeats secrets. */
type Echo = (secrets: readonly string[]) => Answer;

const coded: Echo = (secrets) => ({
  status: 403,
  body: Buffer.from(
    JSON.stringify({
      errors: secrets.map((secret) => ({
        code: 'DENIED',
        message: `not with ${secret}`,
        detail: { sent: [secret] },
      })),
    }),
  ),
});
const text =
  (status: number): Echo =>
  (secrets) => ({ status, body: Buffer.from(`a proxy saw ${secrets.join(' and ')}`) });
const challenge: Echo = (secrets) => ({
  status: 403,
  headers: { 'www-authenticate': `Bearer error="denied",error_description="${secrets.join(' ')}"` },
});
const longBefore: Echo = (secrets) => ({
  status: 403,
  body: Buffer.from(`${'x'.repeat(380)} ${secrets.join(' ')}`),
});

const read = (repository: RegistryRepository): Promise<unknown> => repository.readManifest(tag);
const write = (repository: RegistryRepository): Promise<unknown> =>
  repository.writeManifest(parseDocument(image.manifest.bytes), { tag });
const download = async (repository: RegistryRepository): Promise<unknown> =>
  buffer(await repository.openBlob({ ...image.config, digest: parseDigest(image.config.digest) }));

/** Fails at a registry that accepts a login and then repeats it in its errors. */
async function failure(
  kind: MemoryAccount['kind'],
  credential: RegistryCredential,
  echo: Echo,
  use: (repository: RegistryRepository) => Promise<unknown>,
): Promise<{ readonly error: MultiarchError; readonly sent: readonly string[] }> {
  const sent = new Set<string>();
  const answer = (request: LoggedRequest, next: () => Promise<Answer>): Answer | Promise<Answer> => {
    const { authorization } = request.headers;
    if (authorization === undefined || request.path.startsWith('/token')) return next();
    const header = authorization.replace(/^\w+ /, '');
    for (const secret of [header, password]) sent.add(secret);
    return echo([...sent]);
  };
  const registry = await startRegistry({ auth: { kind, ...account }, fault: answer });
  registry.put('app', image, '1.2');
  const repository = connect(registry.host, { credential, retries: 0 })('app');
  const error = await failureOf(use(repository), MultiarchError);
  return { error, sent: [...sent] };
}

describe('a registry that repeats secrets in its errors does not make us repeat them', () => {
  const logins: readonly [string, MemoryAccount['kind'], RegistryCredential][] = [
    ['Basic header and password', 'basic', { kind: 'basic', ...account }],
    ['password and token that came for it', 'bearer', { kind: 'basic', ...account }],
    ['identity token and token that came for it', 'bearer', { kind: 'identity', token: password }],
  ];
  const echoes: readonly [string, Echo][] = [
    ['in its error codes', coded],
    ['in plain text', text(403)],
    ['with 500', text(500)],
    ['with a success that none was asked for', text(206)],
    ['in its challenge', challenge],
    ['where the length limit would cut it in two', longBefore],
  ];
  const uses = { read, write, download };
  const rows = logins.flatMap(([login, kind, credential]) =>
    echoes.flatMap(([how, echo]) =>
      Object.entries(uses)
        // Any success is accepted for a write.
        .filter(([name]) => !(name === 'write' && how.startsWith('with a success')))
        .map(([name, use]) => ({ login, how, name, kind, credential, echo, use })),
    ),
  );

  it.each(rows)('$login, $how, to a $name', async ({ kind, credential, echo, use }) => {
    const { error, sent } = await failure(kind, credential, echo, use);
    const shown = `${inspect(error, { showHidden: true, depth: Infinity })}\n${error.hint ?? ''}`;
    expect(sent).toHaveLength(2);
    expect(shown).toContain('REDACTED');
    for (const secret of sent) expect(shown).not.toContain(secret.slice(0, 11));
    expect(shown).not.toContain('top secret');
  });

  it('registry token, which is sent as it is', async () => {
    const credential: RegistryCredential = { kind: 'bearer', token: 'SECRETTOKEN123' };
    const registry = await startRegistry({
      fault: ({ headers }) =>
        headers.authorization === undefined
          ? { status: 401, headers: { 'www-authenticate': 'Bearer realm="https://auth.example.com/token"' } }
          : coded([headers.authorization]),
    });
    const repository = connect(registry.host, { credential, retries: 0 })('app');
    const error: unknown = await failureOf(read(repository));
    expect(String(error)).toContain('not with Bearer REDACTED');
    expect(inspect(error, { showHidden: true, depth: Infinity })).not.toContain('SECRETTOKEN123');
  });
});
