import { inspect } from 'node:util';

import { describe, expect, it } from 'vitest';

import { CredentialChain } from '../../../src/auth/credentials/credential-chain.js';
import type { FoundCredential, ErrorResponse } from '../../../src/auth/credentials/credential.js';
import type { EcrAuthorization } from '../../../src/auth/ecr/ecr-authorization.js';
import { EcrLogin } from '../../../src/auth/ecr/ecr-login.js';
import { FailedError, UnauthorizedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';

const HOUR = 3600_000;
const MINE = '123456789012.dkr.ecr.eu-west-1.amazonaws.com' as RegistryHost;
const ELSEWHERE = '123456789012.dkr.ecr.us-east-2.amazonaws.com' as RegistryHost;
const PUBLIC = 'public.ecr.aws' as RegistryHost;

/** Amazon with a clock of its own: the passwords are `p1`, `p2`, and so on, for twelve hours each. */
class Amazon {
  now = 0;
  readonly asked: string[] = [];
  answer: Error | 'nothing' | undefined;
  /** Holds the answers up until it settles. */
  gate: Promise<void> = Promise.resolve();
  /** How long a login lasts, as it says. */
  lifetime = 12 * HOUR;

  readonly link = new EcrLogin({
    now: () => this.now,
    request: async (_host, name): Promise<EcrAuthorization | undefined> => {
      this.asked.push(name);
      const password = `p${this.asked.length}`;
      await this.gate;
      if (this.answer === 'nothing') return undefined;
      if (this.answer !== undefined) throw this.answer;
      return { username: 'AWS', password, expiresAt: this.now + this.lifetime, source: 'the environment' };
    },
  });

  async find(registry = MINE): Promise<FoundCredential> {
    const found = await this.link.find(registry, undefined);
    if (found === undefined) throw new Error('no login');
    return found;
  }

  async password(registry = MINE): Promise<string> {
    const credential = (await this.find(registry)).reveal();
    return credential.kind === 'basic' ? credential.password : '';
  }
}

describe('EcrLogin', () => {
  it('gives the login that Amazon gives, and says where it is from', async () => {
    const found = await new Amazon().find();
    expect(found.reveal()).toEqual({ kind: 'basic', username: 'AWS', password: 'p1' });
    expect(found).toMatchObject({
      provider: 'Amazon ECR, through the AWS SDK',
      origin: 'AWS credentials of the environment',
    });
  });

  it.each(['ghcr.io', `${MINE}:8443`, `${MINE}.example.com`, 'localhost'])(
    'asks nobody for a login to %s',
    async (registry) => {
      const amazon = new Amazon();
      expect(await amazon.link.find(registry as RegistryHost, undefined)).toBeUndefined();
      expect(amazon.asked).toEqual([]);
    },
  );

  it('asks once for each account and region, whoever waits for it', async () => {
    const amazon = new Amazon();
    const wanted = [MINE, MINE, ELSEWHERE, PUBLIC, MINE, ELSEWHERE, PUBLIC];
    const passwords = await Promise.all(wanted.map((registry) => amazon.password(registry)));
    expect(amazon.asked).toEqual([MINE, ELSEWHERE, PUBLIC]);
    expect(passwords).toEqual(['p1', 'p1', 'p2', 'p3', 'p1', 'p2', 'p3']);
  });

  it.each([
    ['before', 12 * HOUR - 5 * 60_000 - 1, 'p1'],
    ['shortly before', 12 * HOUR - 5 * 60_000, 'p2'],
  ])('keeps a login until five minutes before its end: %s that', async (_when, later, password) => {
    const amazon = new Amazon();
    await amazon.password();
    amazon.now = later;
    expect(await amazon.password()).toBe(password);
  });

  it('uses a login that has ended by a clock that is wrong', async () => {
    const amazon = new Amazon();
    amazon.lifetime = -HOUR;
    expect([await amazon.password(), await amazon.password()]).toEqual(['p1', 'p1']);
  });

  it('leaves the request to the others when one of them goes away', async () => {
    const amazon = new Amazon();
    let open = (): void => {};
    amazon.gate = new Promise((resolve) => {
      open = resolve;
    });
    const controller = new AbortController();
    const gone = amazon.link.find(MINE, undefined, controller.signal);
    const stays = amazon.password();
    controller.abort();
    await expect(gone).rejects.toMatchObject({ kind: 'cancelled' });
    open();
    expect(await stays).toBe('p1');
    expect(amazon.asked).toHaveLength(1);
  });

  it('asks anew after a request that everybody had left', async () => {
    const amazon = new Amazon();
    amazon.gate = new Promise(() => {});
    const controller = new AbortController();
    const gone = amazon.link.find(MINE, undefined, controller.signal);
    controller.abort();
    await expect(gone).rejects.toMatchObject({ kind: 'cancelled' });
    amazon.gate = Promise.resolve();
    expect(await amazon.password()).toBe('p2');
  });

  describe('a login that is refused', () => {
    const expired: readonly (readonly [string, ErrorResponse])[] = [
      [
        'a private registry',
        {
          method: 'GET',
          status: 403,
          text: 'Your authorization token has expired. Reauthenticate and try again.',
        },
      ],
      [
        'a private registry, in capitals',
        {
          method: 'PUT',
          status: 403,
          text: "denied: Your Authorization Token has expired. Please run 'aws ecr …'",
        },
      ],
      ['the public registry', { method: 'GET', status: 400, text: 'Your Authorization Token is invalid.' }],
    ];
    const unclear: readonly (readonly [string, ErrorResponse])[] = [
      ['a HEAD, which has no words', { method: 'HEAD', status: 403, text: '' }],
      ['a HEAD at the public registry', { method: 'HEAD', status: 400, text: '' }],
      ['a 401', { method: 'GET', status: 401, text: 'Not Authorized' }],
    ];

    it.each(expired)('has run out where the words say so: %s', async (_who, refusal) => {
      expect((await new Amazon().find()).renewal?.expired(refusal)).toBe(true);
    });

    it.each(unclear)('has run out where it is old enough for that: %s', async (_who, refusal) => {
      const amazon = new Amazon();
      const { renewal } = await amazon.find();
      amazon.now = 59_999;
      expect(renewal?.expired(refusal)).toBe(false);
      amazon.now = 60_000;
      expect(renewal?.expired(refusal)).toBe(true);
    });

    it('has not run out where a permission is missing', async () => {
      const amazon = new Amazon();
      const { renewal } = await amazon.find();
      amazon.now = HOUR;
      const text = 'User: ann is not authorized to perform: ecr:PutImage on resource: app';
      expect(renewal?.expired({ method: 'PUT', status: 403, text })).toBe(false);
    });

    it('is fetched again once, however many were refused with it', async () => {
      const amazon = new Amazon();
      const [one, two] = [await amazon.find(), await amazon.find()];
      one.renewal?.forget();
      expect(await amazon.password()).toBe('p2');
      two.renewal?.forget();
      expect(await amazon.password()).toBe('p2');
    });
  });

  describe('without a login', () => {
    it('lets everybody read the public registry, and asks no more', async () => {
      const amazon = new Amazon();
      amazon.answer = 'nothing';
      expect(await amazon.link.find(PUBLIC, undefined)).toBeUndefined();
      amazon.now = HOUR;
      expect(await amazon.link.find(PUBLIC, undefined)).toBeUndefined();
      expect(amazon.asked).toHaveLength(1);
    });

    it('fails a private registry, as nobody can use it without, and does not ask for a minute', async () => {
      const amazon = new Amazon();
      amazon.answer = new UnauthorizedError('there are no AWS credentials', { hint: 'Log in to AWS.' });
      const chain = new CredentialChain([amazon.link], { onWarning: () => {} });
      await expect(chain.find(MINE, undefined)).rejects.toBe(amazon.answer);
      await expect(chain.find(MINE, undefined)).rejects.toBe(amazon.answer);
      expect(amazon.asked).toHaveLength(1);
      amazon.answer = undefined;
      amazon.now = 60_000;
      expect(await amazon.password()).toBe('p2');
    });

    it('only warns where the public registry gives none, as it can be read without', async () => {
      const amazon = new Amazon();
      amazon.answer = new UnauthorizedError('AWS does not allow a login', { hint: 'Ask for a permission.' });
      const warnings: string[] = [];
      const chain = new CredentialChain([amazon.link], { onWarning: (message) => warnings.push(message) });
      expect(await chain.find(PUBLIC, undefined)).toBeUndefined();
      expect(await chain.find(PUBLIC, undefined)).toBeUndefined();
      expect(warnings).toEqual(['AWS does not allow a login (Ask for a permission.)']);
      await expect(amazon.link.find(PUBLIC, undefined)).rejects.toBeInstanceOf(FailedError);
    });
  });

  it('holds the password where nothing that prints objects finds it', async () => {
    const amazon = new Amazon();
    const found = await amazon.find();
    for (const thing of [amazon.link, found, found.renewal]) {
      const printed = [
        inspect(thing, { depth: Infinity, showHidden: true, getters: true }),
        JSON.stringify(thing),
      ];
      expect(printed.join(' ')).not.toMatch(/p1|\bAWS:/);
    }
  });
});
