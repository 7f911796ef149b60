import { mkdir, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { workRecord } from '../../src/cli/progress/event-records.js';
import { draftFileName } from '../../src/drafts/file-name.js';
import { withLock } from '../../src/files/lock.js';
import { amd64 } from '../support/images.js';
import { makeCommandLine, startCommandLine } from '../support/in-process.js';
import { failure } from '../support/fake-server.js';

describe('--stats', () => {
  it('prints the statistics last, on stderr', async () => {
    const { registry, host, app, run } = await startCommandLine({
      path: 'build',
      images: { amd64 },
      registry: { mounts: 'always202' },
    });
    const argv = ['create', `${app}:1`, `${host}/build:amd64`, '--push', '-q', '--stats'];
    const { code, stdout, stderr } = await run(argv);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^sha256:\w{64}\n$/);
    expect(stderr).toMatch(
      new RegExp(
        `^${registry.requests.length} requests, 0 retries, [\\d.]+ kB sent, [\\d.]+ (B|kB) received, blobs: 2 copied, 0 mounted, 0 present\n$`,
      ),
    );
  });

  it('counts mounted and present blobs', async () => {
    const { registry, host, app, run } = await startCommandLine({ path: 'build', images: { amd64 } });
    registry.putBlob('app', amd64.config.bytes);
    const argv = ['create', `${app}:1`, `${host}/build:amd64`, '--push', '-q', '--stats'];
    expect((await run(argv)).stderr).toMatch(/blobs: 0 copied, [12] mounted, [01] present\n$/);
  });

  it('prints the rate limit of a registry such as Docker Hub', async () => {
    let left = 77;
    const { host, app, run } = await startCommandLine({
      images: { amd64 },
      registry: {
        fault: async (_request, next) => {
          const response = await next();
          left -= 1;
          const limits = { 'ratelimit-limit': '100;w=21600', 'ratelimit-remaining': `${left};w=21600` };
          return { ...response, headers: { ...response.headers, ...limits } };
        },
      },
    });
    const { stderr } = await run(['inspect', `${app}:amd64`, '--stats']);
    expect(stderr).toContain(`, rate limit of ${host}: 76 of 100 left\n`);
  });

  it('prints the statistics after a failure, too', async () => {
    const { run } = await makeCommandLine();
    const { stdout, stderr } = await run(['push', 'app:1', '--stats']);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^0 requests, 0 retries, 0 B sent, 0 B received, blobs: 0 copied, .*\n/);
  });

  it('counts retries', async () => {
    let failures = 1;
    const { app, run } = await startCommandLine({
      images: { amd64 },
      registry: {
        fault: (_request, next) =>
          failures-- > 0
            ? { ...failure(503, 'UNAVAILABLE', 'later'), headers: { 'retry-after': '0' } }
            : next(),
      },
    });
    const { code, stderr } = await run(['inspect', `${app}:amd64`, '--stats', '--debug']);
    expect(code).toBe(0);
    expect(stderr).toContain('2 requests, 1 retry, ');
    expect(stderr).toMatch(/\n! GET https?:\S+: .*; retrying in \d+ ms\n> GET \S+ \(attempt 2\)\n/);
  });
});

it('announces the wait before a retry, but not with --quiet', async () => {
  const { host, app, run } = await startCommandLine({
    registry: {
      fault: () => ({ ...failure(429, 'TOOMANYREQUESTS', 'slow down'), headers: { 'retry-after': '30' } }),
    },
  });
  const argv = ['inspect', `${app}:1`, '--timeout', '300ms'];
  const request = `${host}: GET /v2/app/manifests/1`;
  const wait = `warning: ${request}: HTTP 429; retrying in 30 s\n`;
  const gaveUp =
    `error: timed out after 300ms (--timeout) while waiting to repeat a request to ${request} (HTTP 429)\n` +
    'hint: Raise --timeout, or check the server.\n';
  for (const isTTY of [true, false]) {
    for (const env of [{}, { CI: 'true' }]) {
      expect((await run(argv, { isTTY, env })).stderr).toBe(wait + gaveUp);
    }
  }
  const quiet = await run([...argv, '-q']);
  expect(quiet.stderr).toBe(gaveUp);
});

describe('--retries and --retry-for', () => {
  const failing = { fault: () => failure(503, 'UNAVAILABLE', 'restarting') };

  it.each([
    [['--retries', '0'], 1],
    [['--retries', '1'], 2],
    [['--retry-for', '0s'], 1],
    [['--retry-for', '300ms'], 2],
    [['--retry-for', '300ms', '--retries', '0'], 1],
    [['--retry-for', '1h', '--retries', '1'], 2],
  ])('%j: %i requests', async (options, requests) => {
    const { registry, app, run } = await startCommandLine({ registry: failing });
    expect(await run(['inspect', `${app}:1`, ...options])).toMatchObject({ code: 6 });
    expect(registry.requests).toHaveLength(requests);
  });

  it.each([
    ['597h', '--retry-for takes a duration of at most 596h, not 597h'],
    ['soon', 'invalid duration "soon"'],
    ['-1s', 'invalid duration "-1s"'],
  ])('--retry-for=%s is a mistake of usage', async (value, message) => {
    const { run } = await makeCommandLine();
    const { code, stderr } = await run(['inspect', 'app:1', `--retry-for=${value}`]);
    expect(code).toBe(125);
    expect(stderr).toContain(message);
  });
});

describe('--debug', () => {
  it('logs requests and responses on stderr', async () => {
    const { host, app, run } = await startCommandLine({ images: { amd64 } });
    const url = `http://${host}/v2/app/manifests/amd64`;
    const { stdout, stderr } = await run(['inspect', `${app}:amd64`, '--debug', '-q']);
    expect(() => JSON.parse(stdout) as unknown).not.toThrow();
    expect(stderr).toMatch(new RegExp(`^> GET ${url}\n< 200 GET ${url} \\(\\d+ ms\\)\n$`));
  });

  it('adds the stack to an error', async () => {
    const { run } = await makeCommandLine();
    expect((await run(['push', 'app:1'])).stderr).not.toContain('    at ');
    expect((await run(['push', 'app:1', '--debug'])).stderr).toMatch(/\nNotFoundError: .*\n {4}at /);
  });
});

describe('secrets', () => {
  const account = { kind: 'bearer', username: 'ann', password: 'correct-horse' } as const;
  const basic = Buffer.from('ann:correct-horse').toString('base64');

  async function start(password: string) {
    const { registry, host, app, directory, run } = await startCommandLine({
      images: { amd64 },
      registry: { auth: account },
    });
    const auth = Buffer.from(`ann:${password}`).toString('base64');
    await mkdir(join(directory, 'docker'));
    await writeFile(
      join(directory, 'docker', 'config.json'),
      JSON.stringify({ auths: { [host]: { auth } } }),
    );
    const loud = ['--debug', '--stats', '--json', '--progress', 'plain'];
    const create = await run(['create', `${host}/list:1`, `${app}:amd64`, ...loud]);
    const push = await run(['push', `${host}/list:1`, ...loud]);
    const tokens = registry.requests.flatMap(
      ({ headers }) => /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1] ?? [],
    );
    return {
      registry,
      tokens,
      results: [create, push],
      said: [create, push].map(({ stdout, stderr }) => stdout + stderr).join(''),
    };
  }

  it('are not printed', async () => {
    const { results, tokens, said } = await start('correct-horse');
    expect(results.map(({ code }) => code)).toEqual([0, 0]);
    expect(tokens.length).toBeGreaterThan(0);
    expect(said).toContain('/token');
    for (const secret of ['correct-horse', basic, ...tokens, 'uthorization', 'Bearer ey']) {
      expect(said).not.toContain(secret);
    }
  });

  it('are not in errors', async () => {
    const { results, said } = await start('wrong-horse');
    expect(results.map(({ code }) => code)).toEqual([4, 3]);
    expect(said).toContain('    at ');
    expect(said).not.toContain('wrong-horse');
    expect(said).not.toContain(Buffer.from('ann:wrong-horse').toString('base64'));
  });
});

describe('the exit code', () => {
  it.each([
    ['3 where the image does not exist', 404, 'MANIFEST_UNKNOWN', 3],
    ['4 if access is denied', 403, 'DENIED', 4],
    ['6 where the registry limits', 429, 'TOOMANYREQUESTS', 6],
    ['6 where it fails', 503, 'UNAVAILABLE', 6],
  ])('is %s', async (_what, status, errorCode, code) => {
    const { app, run } = await startCommandLine({
      registry: { fault: () => failure(status, errorCode, 'said the registry') },
    });
    const result = await run(['inspect', `${app}:1`, '--retries', '0']);
    expect(result).toMatchObject({ code, stdout: '' });
    expect(result.stderr).not.toMatch(/^ {4}at |bug in multiarch/m);
  });

  it('is 6 if the connection is refused', async () => {
    const { registry, app, run } = await startCommandLine();
    await registry.close();
    expect(await run(['inspect', `${app}:1`, '--retries=0'])).toMatchObject({ code: 6, stdout: '' });
  });

  it('is 5 for a wrong digest', async () => {
    const { app, run } = await startCommandLine({
      images: { amd64 },
      registry: {
        fault: async (_request, next) => ({ ...(await next()), body: Buffer.from('{"schemaVersion":2}') }),
      },
    });
    const argv = ['inspect', `${app}@${amd64.manifest.digest}`];
    expect(await run(argv)).toMatchObject({ code: 5, stdout: '' });
  });
});

describe('--timeout', () => {
  it('fails with a message', async () => {
    const { host, app, run } = await startCommandLine({ registry: { fault: () => new Promise(() => {}) } });
    const request = `${host}: GET /v2/app/manifests/1`;
    expect(await run(['inspect', `${app}:1`, '--timeout', '50ms', '-q'])).toMatchObject({
      code: 6,
      stdout: '',
      stderr: `error: timed out after 50ms (--timeout) while waiting for a response from ${request}\nhint: Raise --timeout, or check the server.\n`,
    });
  });

  it('names the request whose body does not end', async () => {
    const { host, app, run } = await startCommandLine({
      images: { amd64 },
      registry: { fault: async (_request, next) => ({ ...(await next()), fault: 'stall-body', sent: 9 }) },
    });
    const { stderr } = await run(['inspect', `${app}:amd64`, '--timeout', '300ms']);
    expect(stderr).toContain(` while waiting for a response from ${host}: GET /v2/app/manifests/amd64\n`);
  });

  it('is the limit of everything, an unexpected 101 among it', async () => {
    const head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n';
    const { app, run } = await startCommandLine({
      registry: { fault: () => ({ fault: 'raw', body: head }) },
    });
    const { code, stderr } = await run(['inspect', `${app}:1`]);
    expect(code).toBe(6);
    expect(stderr).toContain(
      'the server responded with 101 Switching Protocols, which was not requested\nhint: ',
    );
  });

  it('has no effect if the work finishes in time', async () => {
    const { run } = await makeCommandLine();
    expect(await run(['create', 'app:1', '--timeout', '1m'])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('a lock that another process holds', () => {
  it('is named when --timeout expires', async () => {
    const { directory, run } = await startCommandLine();
    await mkdir(join(directory, 'drafts'));
    const path = join(directory, 'drafts', `${draftFileName('docker.io/library/app:1')}.lock`);
    await withLock(path, async () => {
      const { code, stderr } = await run(['create', 'app:1', '--timeout', '100ms']);
      expect(code).toBe(6);
      expect(stderr).toBe(
        `error: timed out after 100ms (--timeout) while waiting for the lock ${path}, which process ${process.pid} on ${hostname()} holds\n` +
          'hint: Raise --timeout, or check the process that holds the lock.\n',
      );
    });
  });
});

it('shows the line of a wait for a lock from 5 s on', () => {
  const wait = {
    kind: 'lock-waiting',
    path: '/drafts/a.lock',
    holder: { pid: 1, host: 'b' },
    isOver: false,
  } as const;
  expect(workRecord({ ...wait, milliseconds: 0 }, false)).toBeUndefined();
  expect(workRecord({ ...wait, milliseconds: 5_000, isOver: true }, false)).toBeUndefined();
  expect(workRecord({ ...wait, milliseconds: 5_010 }, false)).toEqual({
    level: 'info',
    event: 'lock-waiting',
    message: 'waiting for the lock /drafts/a.lock, which process 1 on b holds (5 s)',
    fields: { path: '/drafts/a.lock', holder: { pid: 1, host: 'b' }, milliseconds: 5_010 },
  });
});
