import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { CredentialChain } from '../../../src/auth/credentials/credential-chain.js';
import type { FoundCredential } from '../../../src/auth/credentials/credential.js';
import type { EcrAuthorization } from '../../../src/auth/ecr/ecr-authorization.js';
import { EcrProvider } from '../../../src/auth/ecr/ecr-provider.js';
import { FailedError, UnauthorizedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';

const HOUR = 3600_000;
const MINE = '123456789012.dkr.ecr.eu-west-1.amazonaws.com' as RegistryHost;
const ELSEWHERE = '123456789012.dkr.ecr.us-east-2.amazonaws.com' as RegistryHost;
const PUBLIC = 'public.ecr.aws' as RegistryHost;

/** Amazon with a fake clock: issues the passwords `p1`, `p2`, and so on, for twelve hours each. */
class Amazon {
  now = 0;
  readonly asked: string[] = [];
  result: Error | 'nothing' | undefined;
  /** Delays the responses until it settles. */
  gate: Promise<void> = Promise.resolve();
  /** The stated lifetime, in milliseconds. */
  lifetime = 12 * HOUR;

  readonly provider = new EcrProvider({
    now: () => this.now,
    request: async (_host, name): Promise<EcrAuthorization | undefined> => {
      this.asked.push(name);
      const password = `p${this.asked.length}`;
      await this.gate;
      if (this.result === 'nothing') return undefined;
      if (this.result !== undefined) throw this.result;
      return { username: 'AWS', password, expiresAt: this.now + this.lifetime, source: 'the environment' };
    },
  });

  async find(registry = MINE): Promise<FoundCredential> {
    const found = await this.provider.find(registry, undefined);
    if (found === undefined) throw new Error('no login');
    return found;
  }

  async password(registry = MINE): Promise<string> {
    const credential = (await this.find(registry)).reveal();
    return credential.kind === 'basic' ? credential.password : '';
  }
}

describe('EcrProvider', () => {
  it('returns the credential that Amazon issues, with its origin', async () => {
    const found = await new Amazon().find();
    expect(found.reveal()).toEqual({ kind: 'basic', username: 'AWS', password: 'p1' });
    expect(found).toMatchObject({
      provider: 'Amazon ECR, through the AWS SDK',
      origin: 'AWS credentials of the environment',
    });
  });

  it.each(['ghcr.io', `${MINE}:8443`, `${MINE}.example.com`, 'localhost'])(
    'asks for no credential for %s',
    async (registry) => {
      const amazon = new Amazon();
      expect(await amazon.provider.find(registry as RegistryHost, undefined)).toBeUndefined();
      expect(amazon.asked).toEqual([]);
    },
  );

  it('asks once for each account and region', async () => {
    const amazon = new Amazon();
    const wanted = [MINE, MINE, ELSEWHERE, PUBLIC, MINE, ELSEWHERE, PUBLIC];
    const passwords = await Promise.all(wanted.map((registry) => amazon.password(registry)));
    expect(amazon.asked).toEqual([MINE, ELSEWHERE, PUBLIC]);
    expect(passwords).toEqual(['p1', 'p1', 'p2', 'p3', 'p1', 'p2', 'p3']);
  });

  it.each([
    ['before', 12 * HOUR - 5 * 60_000 - 1, 'p1'],
    ['shortly before', 12 * HOUR - 5 * 60_000, 'p2'],
  ])('uses a credential until five minutes before it expires: %s that', async (_when, later, password) => {
    const amazon = new Amazon();
    await amazon.password();
    amazon.now = later;
    expect(await amazon.password()).toBe(password);
  });

  it('uses an expired credential, since the clock may be wrong', async () => {
    const amazon = new Amazon();
    amazon.lifetime = -HOUR;
    expect([await amazon.password(), await amazon.password()]).toEqual(['p1', 'p1']);
  });

  it('continues the request for the other callers if one is cancelled', async () => {
    const amazon = new Amazon();
    let open = (): void => {};
    amazon.gate = new Promise((resolve) => {
      open = resolve;
    });
    const controller = new AbortController();
    const gone = amazon.provider.find(MINE, undefined, controller.signal);
    const stays = amazon.password();
    controller.abort();
    await expect(gone).rejects.toMatchObject({ kind: 'cancelled' });
    open();
    expect(await stays).toBe('p1');
    expect(amazon.asked).toHaveLength(1);
  });

  it('asks again after a request that all callers have cancelled', async () => {
    const amazon = new Amazon();
    amazon.gate = new Promise(() => {});
    const controller = new AbortController();
    const gone = amazon.provider.find(MINE, undefined, controller.signal);
    controller.abort();
    await expect(gone).rejects.toMatchObject({ kind: 'cancelled' });
    amazon.gate = Promise.resolve();
    expect(await amazon.password()).toBe('p2');
  });

  describe('a credential that is rejected', () => {
    it('is fresh for a minute', async () => {
      const amazon = new Amazon();
      const { renewal } = await amazon.find();
      amazon.now = 59_999;
      expect(renewal?.isFresh()).toBe(true);
      amazon.now = 60_000;
      expect(renewal?.isFresh()).toBe(false);
    });

    it('is fetched again once for all callers', async () => {
      const amazon = new Amazon();
      const [one, two] = [await amazon.find(), await amazon.find()];
      one.renewal?.forget();
      expect(await amazon.password()).toBe('p2');
      two.renewal?.forget();
      expect(await amazon.password()).toBe('p2');
    });
  });

  describe('if Amazon issues no credential', () => {
    it('the public registry is accessed anonymously, without asking again', async () => {
      const amazon = new Amazon();
      amazon.result = 'nothing';
      expect(await amazon.provider.find(PUBLIC, undefined)).toBeUndefined();
      amazon.now = HOUR;
      expect(await amazon.provider.find(PUBLIC, undefined)).toBeUndefined();
      expect(amazon.asked).toHaveLength(1);
    });

    it('a private registry fails, and Amazon is not asked again for a minute', async () => {
      const amazon = new Amazon();
      amazon.result = new UnauthorizedError('no AWS credentials', { hint: 'Log in to AWS.' });
      const chain = new CredentialChain([amazon.provider], { onWarning: () => {} });
      await expect(chain.find(MINE, undefined)).rejects.toBe(amazon.result);
      await expect(chain.find(MINE, undefined)).rejects.toBe(amazon.result);
      expect(amazon.asked).toHaveLength(1);
      amazon.result = undefined;
      amazon.now = 60_000;
      expect(await amazon.password()).toBe('p2');
    });

    it('the public registry is accessed anonymously, with a warning', async () => {
      const amazon = new Amazon();
      amazon.result = new UnauthorizedError('AWS denied a login', { hint: 'Ask for a permission.' });
      const warnings: string[] = [];
      const chain = new CredentialChain([amazon.provider], {
        onWarning: (message) => warnings.push(message),
      });
      expect(await chain.find(PUBLIC, undefined)).toBeUndefined();
      expect(await chain.find(PUBLIC, undefined)).toBeUndefined();
      expect(warnings).toEqual(['AWS denied a login (Ask for a permission.)']);
      await expect(amazon.provider.find(PUBLIC, undefined)).rejects.toBeInstanceOf(FailedError);
    });
  });

  it('does not reveal the password when printed', async () => {
    const amazon = new Amazon();
    const found = await amazon.find();
    for (const thing of [amazon.provider, found, found.renewal]) {
      const printed = [
        inspect(thing, { depth: Infinity, showHidden: true, getters: true }),
        JSON.stringify(thing),
      ];
      expect(printed.join(' ')).not.toMatch(/p1|\bAWS:/);
    }
  });
});
