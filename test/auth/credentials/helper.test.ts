import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Credential } from '../../../src/auth/credentials/credential.js';
import { CredentialHelper, type HelperOptions } from '../../../src/auth/credentials/helper.js';
import { CancelledError, FailedError } from '../../../src/oci/errors.js';
import type { HelperJob } from '../../support/helper-process-main.js';
import { makeNodeProcesses } from '../../support/node-processes.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { installHelper } from '../helper-program.js';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'multiarch-helper-'));
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const NAMED_IN = '/home/jane/.docker/config.json';
const open = (options: Partial<HelperOptions>, suffix = 'test'): CredentialHelper =>
  new CredentialHelper(suffix, { env: {}, namedIn: NAMED_IN, ...options });

/** A helper that runs these lines of shell once it has read the key. */
async function helper(script: string, timeLimit?: number): Promise<CredentialHelper> {
  const { env } = await installHelper(directory, 'test', script);
  return open({ env, timeLimit });
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
      hint: 'To see why, run this, which may print the password: echo r.example | docker-credential-test get',
    });
    expect(inspect(error, { showHidden: true })).not.toContain('topsecret');
  });
});

describe('a helper', () => {
  it('reads the key from its input and knows what is wanted from its argument', async () => {
    const { env, calls } = await installHelper(directory, 'test', printing('{}'));
    await open({ env }).get('https://index.docker.io/v1/');
    expect(await calls()).toEqual(['get https://index.docker.io/v1/']);
  });

  it('is run without a shell, so that a key is only ever its input', async () => {
    const { env, calls } = await installHelper(directory, 'test', printing('{}'));
    await open({ env }).get('$(echo injected); echo injected');
    expect(await calls()).toEqual(['get $(echo injected); echo injected']);
  });

  it.each(['', '../evil', 'a b', 'a;b', '$HOME', 'a\n', 'ä'])('is not called %j', (suffix) => {
    expect(() => open({}, suffix)).toThrow(FailedError);
  });

  it('that is not installed is said to be missing', async () => {
    const missing = open({ env: { PATH: directory } }, 'missing');
    const login = { username: 'jane', password: 'x' };
    for (const asked of [missing.get('r'), missing.store('r', login), missing.erase('r')]) {
      await expect(asked).rejects.toMatchObject({
        message: expect.stringMatching(/: it is not on the PATH$/) as string,
        hint: `Install it, or take missing out of "credsStore" and "credHelpers" in ${NAMED_IN}.`,
      });
    }
  });

  it('that may not be run is said not to start', async () => {
    await installHelper(directory, 'test', printing('{}'));
    await chmod(join(directory, 'docker-credential-test'), 0o600);
    await expect(open({ env: { PATH: directory } }).get('r')).rejects.toThrow(
      'it cannot be started (EACCES)',
    );
  });

  it('that never answers is ended at the time limit, and what it has left behind does not matter', async () => {
    const slow = await helper('sleep 10 & exec sleep 10', 50);
    await expect(slow.get('r')).rejects.toThrow('it did not answer within 0.05 seconds');
  });

  // Signals reach a process group on POSIX alone.
  it.skipIf(process.platform === 'win32')(
    'is ended at the time limit with all that it has started',
    async () => {
      const fifo = join(directory, 'fifo');
      execFileSync('mkfifo', [fifo]);
      // The end of the FIFO comes when the last process is gone that could write there.
      const slow = await helper(`(echo started; exec sleep 30) > '${fifo}' & exec sleep 30`);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        const asked = slow.get('r').catch((error: unknown) => error);
        const alive = createReadStream(fifo, 'utf8');
        let said = '';
        for await (const chunk of alive) {
          said += String(chunk);
          if (said === 'started\n') vi.advanceTimersByTime(60_000);
        }
        expect(said).toBe('started\n');
        expect(String(await asked)).toContain('it did not answer within 60 seconds');
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it.skipIf(process.platform === 'win32').each([
    [true, 'shared'],
    [false, 'own'],
  ])('where a person sits at a terminal (%s) runs in a process group that is %s', async (terminal, group) => {
    // In another one it could not ask for the passphrase of its keys.
    const script = `kill -0 -$$ 2>/dev/null && group=own || group=shared; echo '{"Username":"'$group'","Secret":"x"}'`;
    const { env } = await installHelper(directory, 'test', script);
    expect(await open({ env, terminal }).get('r')).toMatchObject({ username: group });
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
    expect(await open({ env }).get('r'.repeat(200_000))).toBeUndefined();
  });
});

describe('what a helper writes to its standard error', () => {
  it('reaches nobody, as it may be a secret', async () => {
    const { env } = await installHelper(directory, 'test', 'echo topsecret >&2; echo {}');
    const processes = await makeNodeProcesses<HelperJob, object>(
      new URL('../../support/helper-process-main.ts', import.meta.url),
    );
    try {
      const path = env['PATH'] ?? '';
      const result = await processes.start({ suffix: 'test', key: 'r.example', path });
      expect(result).toEqual({ code: 0, signal: null, stdout: 'no login\n', stderr: '' });
    } finally {
      await processes.remove();
    }
  });
});

describe('what a helper is given to keep', () => {
  it('comes on its standard input, and is in no argument, where others could read it', async () => {
    const { env, calls } = await installHelper(directory, 'test', 'echo "arguments: $*" >> "$0.log"');
    await open({ env }).store('r.example', { username: 'jane', password: 'topsecret' });
    expect(await calls()).toEqual(['store {"ServerURL":"r.example","Username":"jane","Secret":"topsecret"}']);
    expect(await readFile(join(directory, 'docker-credential-test.log'), 'utf8')).toBe('arguments: store\n');
  });

  it.each<[string, string]>([
    ['it ended with exit code 1', printing('topsecret', 1)],
    ['a signal ended it', 'echo topsecret; kill -9 $$'],
  ])('and does not: %s, and its output is not shown', async (reason, script) => {
    const login = { username: 'jane', password: 'topsecret' };
    const stored: unknown = await (
      await helper(script)
    )
      .store('r.example', login)
      .catch((error: unknown) => error);
    expect(stored).toMatchObject({
      message: `The credential helper docker-credential-test did not keep the login for r.example: ${reason}`,
    });
    const erased: unknown = await (await helper(script)).erase('r.example').catch((error: unknown) => error);
    expect(erased).toMatchObject({
      message: `The credential helper docker-credential-test did not erase the login for r.example: ${reason}`,
    });
    expect(inspect([stored, erased], { showHidden: true })).not.toContain('topsecret');
  });

  it('may be erased when it is gone already', async () => {
    const gone = await helper(printing('credentials not found in native keychain', 1));
    await expect(gone.erase('r.example')).resolves.toBeUndefined();
  });

  it('is ended at the time limit', async () => {
    const slow = await helper('exec sleep 10', 50);
    await expect(slow.store('r', { username: 'jane', password: 'x' })).rejects.toThrow(
      'it did not answer within 0.05 seconds',
    );
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
  const rows = vectors.helper_protocol;

  // `list` is never asked for: what a registry's login is called is known.
  it.each(rows.filter(({ action }) => action !== 'list'))(
    '$action $stdin: $stdout',
    async ({ action, stdin, stdout, exit, result, error }) => {
      const tested = await helper(printing(stdout, exit));
      const input = stdin ?? '';
      const asked =
        action === 'get'
          ? tested.get(input)
          : action === 'erase'
            ? tested.erase(input)
            : tested.store((JSON.parse(input) as { ServerURL: string }).ServerURL, {
                username: 'foo',
                password: 'bar',
              });
      if (error !== undefined) await expect(asked).rejects.toThrow(FailedError);
      else
        expect(await asked).toEqual(
          typeof result === 'object' && result !== null ? { kind: 'basic', ...result } : undefined,
        );
    },
  );

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
