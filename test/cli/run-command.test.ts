import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

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

it('announces a retry after a long wait, but not with --quiet', async () => {
  const { host, app, run } = await startCommandLine({
    registry: {
      fault: () => ({ ...failure(429, 'TOOMANYREQUESTS', 'slow down'), headers: { 'retry-after': '30' } }),
    },
  });
  const argv = ['inspect', `${app}:1`, '--timeout', '300ms'];
  const gaveUp = /^error: timed out after 300ms/m;
  const wait = `warning: ${host}: HTTP 429; retrying in 30 s\n`;
  const { stderr } = await run(argv);
  expect(stderr).toMatch(gaveUp);
  expect(stderr).toContain(wait);
  const quiet = await run([...argv, '-q']);
  expect(quiet.stderr).toMatch(gaveUp);
  expect(quiet.stderr).not.toContain('warning');
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
    const { app, run } = await startCommandLine({ registry: { fault: () => new Promise(() => {}) } });
    expect(await run(['inspect', `${app}:1`, '--timeout', '50ms', '-q'])).toMatchObject({
      code: 6,
      stdout: '',
      stderr:
        'error: timed out after 50ms (--timeout)\nhint: Raise --timeout, or run with --debug to see what it is waiting for.\n',
    });
  });

  it('has no effect if the work finishes in time', async () => {
    const { run } = await makeCommandLine();
    expect(await run(['create', 'app:1', '--timeout', '1m'])).toMatchObject({ code: 0, stderr: '' });
  });
});
