import { execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { inspect } from 'node:util';

import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { RegistryCredential } from '../../../src/auth/credentials/credential.js';
import { parseCredentialFile } from '../../../src/auth/credentials/credential-file.js';
import {
  CredentialHelper,
  defaultHelper,
  type HelperOptions,
} from '../../../src/auth/credentials/credential-helper.js';
import { dockerConfig } from '../../../src/auth/credentials/file-providers.js';
import { CancelledError, FailedError } from '../../../src/oci/errors.js';
import type { RegistryHost } from '../../../src/oci/reference.js';
import { failureOf } from '../../support/failure.js';
import type { HelperJob } from '../../support/helper-process-main.js';
import { makeNodeProcesses } from '../../support/node-processes.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';
import { describeVectors, vectorJson } from '../../support/vectors.js';
import { installHelper } from '../helper-program.js';

let directory: string;
beforeEach(async () => {
  directory = await temporaryDirectory();
});

const NAMED_IN = '/home/jane/.docker/config.json';
const open = (options: Partial<HelperOptions>, suffix = 'test'): CredentialHelper =>
  new CredentialHelper(suffix, { env: {}, namedIn: NAMED_IN, ...options });

/** A helper that reads the key and runs this shell script. */
async function helper(script: string, timeLimit?: number): Promise<CredentialHelper> {
  const { env } = await installHelper(directory, 'test', script);
  return open({ env, timeLimit });
}

/** A script that prints a text and exits with a code. */
function printing(stdout: string, code = 0): string {
  return `printf %s '${stdout.replaceAll("'", String.raw`'\''`)}'; exit ${code}`;
}

describe('the output of a helper', () => {
  it.each<[string, RegistryCredential | undefined]>([
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
    ['exit code 1', printing('topsecret credentials not found', 1)],
    ['exit code 3', 'echo topsecret >&2; exit 3'],
    ['its output is not JSON', printing('topsecret')],
    ['its output is not JSON', printing('')],
    ['its output is not a login', printing('"topsecret"')],
    ['its output is not a login', printing('null')],
    ['its output is not a login', printing('{"Username":"jane","Secret":["topsecret"]}')],
    ['its output is too long', 'while echo topsecrettopsecrettopsecrettopsecret; do :; done'],
    ['killed by a signal', 'kill -9 $$'],
  ])('that is unusable: %s', async (reason, script) => {
    const error: unknown = await failureOf((await helper(script)).get('r.example'));
    expect(error).toBeInstanceOf(FailedError);
    expect(error).toMatchObject({
      message: `credential helper docker-credential-test gave no login for r.example: ${reason}`,
      hint: 'To see why, run (may print the password): echo r.example | docker-credential-test get',
    });
    expect(inspect(error, { showHidden: true })).not.toContain('topsecret');
  });
});

describe('a helper', () => {
  it('gets the key as input and the action as argument', async () => {
    const { env, calls } = await installHelper(directory, 'test', printing('{}'));
    await open({ env }).get('https://index.docker.io/v1/');
    expect(await calls()).toEqual(['get https://index.docker.io/v1/']);
  });

  it('is run without a shell, so that a key is never executed', async () => {
    const { env, calls } = await installHelper(directory, 'test', printing('{}'));
    await open({ env }).get('$(echo injected); echo injected');
    expect(await calls()).toEqual(['get $(echo injected); echo injected']);
  });

  it.each(['', '../evil', 'a b', 'a;b', '$HOME', 'a\n', 'ä'])('does not have the name %j', (suffix) => {
    expect(() => open({}, suffix)).toThrow(FailedError);
  });

  it('that is not installed is an error', async () => {
    const missing = open({ env: { PATH: directory } }, 'missing');
    const login = { username: 'jane', password: 'x' };
    for (const asked of [missing.get('r'), missing.store('r', login), missing.erase('r')]) {
      await expect(asked).rejects.toMatchObject({
        message: expect.stringMatching(/: it is not on the PATH$/) as string,
        hint: `Install it, or remove missing from "credsStore" and "credHelpers" in ${NAMED_IN}.`,
      });
    }
  });

  it('that is not executable is an error', async () => {
    await installHelper(directory, 'test', printing('{}'));
    await chmod(join(directory, 'docker-credential-test'), 0o600);
    await expect(open({ env: { PATH: directory } }).get('r')).rejects.toThrow(
      'it cannot be started (EACCES)',
    );
  });

  it('that hangs is killed at the time limit, also with processes that it left running', async () => {
    const slow = await helper('sleep 10 & exec sleep 10', 50);
    await expect(slow.get('r')).rejects.toThrow('timed out after 0.05 seconds');
  });

  // Process groups get signals on POSIX only.
  it.skipIf(process.platform === 'win32')(
    'is killed at the time limit with its child processes',
    async () => {
      const fifo = join(directory, 'fifo');
      execFileSync('mkfifo', [fifo]);
      // The FIFO ends when its last writer has exited.
      const slow = await helper(`(echo started; exec sleep 30) > '${fifo}' & exec sleep 30`);
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      try {
        const asked = failureOf(slow.get('r'));
        const alive = createReadStream(fifo, 'utf8');
        let said = '';
        for await (const chunk of alive) {
          said += String(chunk);
          if (said === 'started\n') vi.advanceTimersByTime(60_000);
        }
        expect(said).toBe('started\n');
        expect(String(await asked)).toContain('timed out after 60 seconds');
      } finally {
        vi.useRealTimers();
      }
    },
  );

  it.skipIf(process.platform === 'win32').each([
    [true, 'shared'],
    [false, 'own'],
  ])('with a terminal (%s) runs in a process group that is %s', async (terminal, group) => {
    // In its own group it could not ask for a passphrase.
    const script = `kill -0 -$$ 2>/dev/null && group=own || group=shared; echo '{"Username":"'$group'","Secret":"x"}'`;
    const { env } = await installHelper(directory, 'test', script);
    expect(await open({ env, terminal }).get('r')).toMatchObject({ username: group });
  });

  it('is killed on cancellation, before it runs or while it does', async () => {
    const slow = await helper('exec sleep 10');
    const controller = new AbortController();
    const asked = slow.get('r', controller.signal);
    controller.abort();
    await expect(asked).rejects.toThrow(CancelledError);
    await expect(slow.get('r', controller.signal)).rejects.toThrow(CancelledError);
  });

  it('that does not read its input may still return a login', async () => {
    const { env } = await installHelper(directory, 'test', '');
    await writeFile(join(directory, 'docker-credential-test'), '#!/bin/sh\nexec <&-\necho "{}"\n');
    expect(await open({ env }).get('r'.repeat(200_000))).toBeUndefined();
  });
});

describe('the standard error of a helper', () => {
  it('is discarded, since it may contain a secret', async () => {
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

describe('a login to store', () => {
  it('is passed on standard input, not as an argument that others can read', async () => {
    const { env, calls } = await installHelper(directory, 'test', 'echo "arguments: $*" >> "$0.log"');
    await open({ env }).store('r.example', { username: 'jane', password: 'topsecret' });
    expect(await calls()).toEqual(['store {"ServerURL":"r.example","Username":"jane","Secret":"topsecret"}']);
    expect(await readFile(join(directory, 'docker-credential-test.log'), 'utf8')).toBe('arguments: store\n');
  });

  it.each<[string, string]>([
    ['exit code 1', printing('topsecret', 1)],
    ['killed by a signal', 'echo topsecret; kill -9 $$'],
  ])("that is not stored is an error without the helper's output: %s", async (reason, script) => {
    const login = { username: 'jane', password: 'topsecret' };
    const stored: unknown = await failureOf((await helper(script)).store('r.example', login));
    expect(stored).toMatchObject({
      message: `credential helper docker-credential-test did not save the login for r.example: ${reason}`,
    });
    const erased: unknown = await failureOf((await helper(script)).erase('r.example'));
    expect(erased).toMatchObject({
      message: `credential helper docker-credential-test did not erase the login for r.example: ${reason}`,
    });
    expect(inspect([stored, erased], { showHidden: true })).not.toContain('topsecret');
  });

  it('may be erased although it is missing', async () => {
    const gone = await helper(printing('credentials not found in native keychain', 1));
    await expect(gone.erase('r.example')).resolves.toBeUndefined();
  });

  it('is given up at the time limit', async () => {
    const slow = await helper('exec sleep 10', 50);
    await expect(slow.store('r', { username: 'jane', password: 'x' })).rejects.toThrow(
      'timed out after 0.05 seconds',
    );
  });
});

async function install(...programs: readonly string[]): Promise<void> {
  for (const program of programs) {
    await writeFile(join(directory, program), '#!/bin/sh\n');
    await chmod(join(directory, program), 0o755);
  }
}

function detect(platform: NodeJS.Platform, config: object = {}): Promise<string | undefined> {
  const file = parseCredentialFile(JSON.stringify(config), 'file');
  const separator = platform === 'win32' ? ';' : ':';
  return defaultHelper(file, { env: { PATH: ['/none', directory].join(separator) }, platform });
}

describe('the default helper of a platform', () => {
  it.each<[NodeJS.Platform, readonly string[], string | undefined]>([
    ['linux', ['docker-credential-secretservice'], 'secretservice'],
    ['linux', ['docker-credential-secretservice', 'docker-credential-pass', 'pass'], 'pass'],
    ['linux', ['docker-credential-secretservice', 'pass'], undefined],
    ['linux', ['docker-credential-pass'], undefined],
    ['darwin', ['docker-credential-osxkeychain'], 'osxkeychain'],
    ['darwin', ['docker-credential-secretservice'], undefined],
    ['win32', ['docker-credential-wincred.exe'], 'wincred'],
    ['win32', [], undefined],
    ['freebsd', ['docker-credential-secretservice'], undefined],
  ])('on %s with %j is %s', async (platform, programs, expected) => {
    await install(...programs);
    expect(await detect(platform)).toBe(expected);
  });

  it('must be executable', async () => {
    await install('docker-credential-osxkeychain');
    await chmod(join(directory, 'docker-credential-osxkeychain'), 0o600);
    expect(await detect('darwin')).toBeUndefined();
  });

  it.each([{ auths: { 'r.example': {} } }, { credHelpers: { a: 'b' } }, { credsStore: 'c' }])(
    'is not used if the configuration has logins or helpers: %j',
    async (config) => {
      await install('docker-credential-osxkeychain');
      expect(await detect('darwin', config)).toBeUndefined();
      expect(await detect('darwin', { auths: {}, psFormat: 'x' })).toBe('osxkeychain');
    },
  );

  it("is asked for docker's logins, also without a configuration", async () => {
    const { env } = await installHelper(directory, 'osxkeychain', { get: { 'r.example': { user: 'jane' } } });
    const config = dockerConfig({ env, homeDirectory: directory, platform: 'darwin' });
    expect(await config.find('r.example' as RegistryHost, undefined)).toMatchObject({
      username: 'jane',
      origin: `docker-credential-osxkeychain (named in ${join(directory, '.docker', 'config.json')})`,
    });
    expect(env['PATH']).toContain(delimiter);
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

  // `list` is never called, since the keys are known.
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

  it('the rules of go-containerregistry hold for the chain: a helper that fails is skipped with a warning', () => {
    // See credential-chain.test.ts. Its second rule, that a missing program is an error, is such a warning too.
    expect(vectors.ggcr_helper_rules).toHaveLength(2);
  });
});
