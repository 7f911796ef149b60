import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Credential } from '../../src/auth/credential.js';
import { CredentialHelper } from '../../src/auth/helper.js';
import { CancelledError, FailedError } from '../../src/oci/errors.js';
import { describeVectors, vectorJson } from '../support/vectors.js';
import { installHelper } from './helper-program.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'multiarch-helper-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

/** A helper that runs these lines of shell once it has read the key. */
async function helper(script: string, timeLimit?: number): Promise<CredentialHelper> {
  return new CredentialHelper('test', (await installHelper(directory, 'test', script)).env, timeLimit);
}

/** A script that prints a text and ends with a code. */
function printing(stdout: string, code = 0): string {
  return `printf %s '${stdout.replaceAll("'", String.raw`'\''`)}'; exit ${code}`;
}

describe('what a helper says', () => {
  it.each<[string, Credential | undefined]>([
    ['{"ServerURL":"r","Username":"jane","Secret":"x"}', { kind: 'basic', username: 'jane', password: 'x' }],
    ['{"Username":"<token>","Secret":"refresh"}', { kind: 'identity', token: 'refresh' }],
    ['{}', undefined],
    ['{"Username":"","Secret":""}', undefined],
  ])('%s', async (stdout, expected) => {
    expect(await (await helper(printing(stdout))).get('r')).toEqual(expected);
  });

  it.each([
    ['credentials not found in native keychain', 1],
    ['\n credentials not found in native keychain \n', 2],
  ])('%j with exit code %i means no login', async (stdout, code) => {
    expect(await (await helper(printing(stdout, code))).get('r')).toBeUndefined();
  });

  it.each<[string, string]>([
    ['it ended with exit code 1', printing('topsecret credentials not found', 1)],
    ['it ended with exit code 3', 'echo topsecret >&2; exit 3'],
    ['its answer is not JSON', printing('topsecret')],
    ['its answer is not JSON', printing('')],
    ['its answer is not a login', printing('"topsecret"')],
    ['its answer is not a login', printing('null')],
    ['its answer is not a login', printing('{"Username":"jane","Secret":["topsecret"]}')],
    ['its answer is too long', 'while echo topsecrettopsecrettopsecrettopsecret; do :; done'],
    ['a signal ended it', 'kill -9 $$'],
  ])('and cannot be used: %s', async (reason, script) => {
    const error: unknown = await (await helper(script)).get('r.example').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(FailedError);
    expect(error).toMatchObject({
      message: `The credential helper docker-credential-test gave no login for r.example: ${reason}`,
      hint: 'To see why, run: echo r.example | docker-credential-test get',
    });
    expect(inspect(error, { showHidden: true })).not.toContain('topsecret');
  });
});

describe('a helper', () => {
  it('reads the key from its input and knows what is wanted from its argument', async () => {
    const { env, calls } = await installHelper(directory, 'test', printing('{}'));
    await new CredentialHelper('test', env).get('https://index.docker.io/v1/');
    expect(await calls()).toEqual(['get https://index.docker.io/v1/']);
  });

  it('is run without a shell, so that a key is only ever its input', async () => {
    const { env, calls } = await installHelper(directory, 'test', printing('{}'));
    await new CredentialHelper('test', env).get('$(echo injected); echo injected');
    expect(await calls()).toEqual(['get $(echo injected); echo injected']);
  });

  it.each(['', '../evil', 'a b', 'a;b', '$HOME', 'a\n', 'ä'])('is not called %j', (suffix) => {
    expect(() => new CredentialHelper(suffix, {})).toThrow(FailedError);
  });

  it('that is not installed is said to be missing', async () => {
    await expect(new CredentialHelper('missing', { PATH: directory }).get('r')).rejects.toThrow(
      'it is not on the PATH',
    );
  });

  it('that may not be run is said not to start', async () => {
    await installHelper(directory, 'test', printing('{}'));
    await chmod(join(directory, 'docker-credential-test'), 0o600);
    await expect(new CredentialHelper('test', { PATH: directory }).get('r')).rejects.toThrow(
      'it cannot be started (EACCES)',
    );
  });

  it('that never answers is ended at the time limit, and what it has left behind does not matter', async () => {
    const slow = await helper('sleep 10 & exec sleep 10', 50);
    await expect(slow.get('r')).rejects.toThrow('it did not answer within 0.05 seconds');
  });

  it('is ended when the caller is cancelled, before it runs or while it does', async () => {
    const slow = await helper('exec sleep 10');
    const controller = new AbortController();
    const asked = slow.get('r', controller.signal);
    controller.abort();
    await expect(asked).rejects.toThrow(CancelledError);
    await expect(slow.get('r', controller.signal)).rejects.toThrow(CancelledError);
  });

  it('that does not read its input may answer all the same', async () => {
    const { env } = await installHelper(directory, 'test', '');
    await writeFile(join(directory, 'docker-credential-test'), '#!/bin/sh\nexec <&-\necho "{}"\n');
    expect(await new CredentialHelper('test', env).get('r'.repeat(200_000))).toBeUndefined();
  });
});

describeVectors('helper vectors', () => {
  interface Row {
    action: string;
    stdin: string | null;
    stdout: string;
    exit: number;
    result?: { username: string; password: string } | null | string;
    error?: string;
  }
  interface Answer {
    ServerURL?: string;
    Username?: string;
    Secret?: string;
    stdout?: string;
    exit?: number;
  }
  const vectors = vectorJson<{
    helper_protocol: Row[];
    containers_image_helper: { get: Record<string, Answer> };
    ggcr_helper_rules: { rule: string }[];
  }>('auth-configs.json');
  const rows = vectors.helper_protocol.filter(({ action }) => action === 'get');

  it('the rows for other actions than get are about writing and listing logins, which is not built yet', () => {
    expect([...new Set(vectors.helper_protocol.map(({ action }) => action))]).toEqual([
      'get',
      'store',
      'erase',
      'list',
    ]);
  });

  it.each(rows)('get $stdin: $stdout', async ({ stdin, stdout, exit, result, error }) => {
    const asked = (await helper(printing(stdout, exit))).get(stdin ?? '');
    if (error !== undefined) await expect(asked).rejects.toThrow(FailedError);
    else
      expect(await asked).toEqual(
        typeof result === 'object' && result !== null ? { kind: 'basic', ...result } : undefined,
      );
  });

  it.each(Object.entries(vectors.containers_image_helper.get))(
    "containers' helper for %s",
    async (key, answer) => {
      const { stdout = JSON.stringify(answer), exit = 0, Username: username, Secret: secret } = answer;
      expect(await (await helper(printing(stdout, exit))).get(key)).toEqual(
        username === undefined
          ? undefined
          : username === '<token>'
            ? { kind: 'identity', token: secret }
            : { kind: 'basic', username, password: secret },
      );
    },
  );

  it('the rules of go-containerregistry are kept by the chain: a helper that fails is passed over with a warning', () => {
    // See chain.test.ts. Its second rule, that a missing program is an error, is kept as that warning too.
    expect(vectors.ggcr_helper_rules).toHaveLength(2);
  });
});
