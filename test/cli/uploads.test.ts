import { describe, expect, it } from 'vitest';

import { amd64 } from '../support/images.js';
import { startCommandLine } from '../support/in-process.js';
import { failure, type Answer, type LoggedRequest } from '../support/fake-server.js';

type Fault = (request: LoggedRequest, next: () => Promise<Answer>) => Answer | Promise<Answer>;

/** A command line, and images in one registry that are published to another. */
async function start(fault?: Fault) {
  const from = await startCommandLine({ images: { amd64 } });
  const { host, registry } = await startCommandLine({
    registry: { ...(fault && { fault }), uploadStatus: true },
  });
  const requests = (method: string): LoggedRequest[] =>
    registry.requests.filter((request) => request.method === method && request.path.includes('/blobs/'));
  return { run: from.run, source: `${from.app}:amd64`, target: `${host}/app:1`, host, registry, requests };
}

describe('--chunk-size', () => {
  it.each([
    ['copy', (source: string, target: string) => ['copy', source, target]],
    ['create --push', (source: string, target: string) => ['create', target, source, '--push']],
  ])('applies to %s', async (_command, argv) => {
    const { run, source, target, requests, registry } = await start();
    const { code, stderr } = await run([...argv(source, target), '--chunk-size', '100']);
    expect([code, stderr.includes('warning')]).toEqual([0, false]);
    expect(requests('PATCH').length).toBeGreaterThan(1);
    for (const { headers } of requests('PATCH')) {
      expect(Number(headers['content-length'])).toBeLessThanOrEqual(100);
    }
    expect(registry.manifest('app', '1')).toBeDefined();
  });

  it('applies to push', async () => {
    const { run, source, target, requests } = await start();
    await run(['create', target, source]);
    expect((await run(['push', target, '--chunk-size=100B'])).code).toBe(0);
    expect(requests('PATCH').length).toBeGreaterThan(1);
  });

  it.each(['0', 'big', '-1', '8TB', ''])('does not accept %j', async (size) => {
    const { run, source, target } = await start();
    const { code, stderr } = await run(['copy', source, target, `--chunk-size=${size}`]);
    expect(code).toBe(125);
    expect(stderr).toContain(`--chunk-size takes a size, not ${JSON.stringify(size)}`);
    expect(stderr).toContain('hint: Write it as 8MiB');
  });
});

describe('a proxy that limits the size of requests', () => {
  const limit =
    (bytes: number): Fault =>
    ({ headers, path }, next) =>
      path.includes('/blobs/') && Number(headers['content-length'] ?? 0) > bytes
        ? {
            status: 413,
            headers: { server: 'nginx' },
            body: '<html>413 Request Entity Too Large</html>',
            early: true,
          }
        : next();

  it('is met with chunks, which the statistics count as retries', async () => {
    const { run, source, target, host } = await start(limit(64));
    const { code, stderr } = await run(['copy', source, target, '--stats']);
    expect(code).toBe(0);
    expect(stderr).toMatch(new RegExp(`^warning: ${host} rejects requests of \\d+ bytes \\(413\\)`, 'm'));
    expect(stderr).toMatch(/ requests, [1-9]\d* retries, /);
  });

  it('is named in the error if it accepts no size', async () => {
    // One upload: another one would be cancelled while its session is being opened.
    const { run, source, target, host, registry } = await start(limit(0));
    const { code, stderr } = await run(['copy', source, target, '--concurrency', '1']);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(`^error: cannot write ${host}/app@sha256:\\w+: ${host} responded with 413 `, 'm'),
    );
    expect(stderr).toMatch(/^hint: .*client_max_body_size in nginx.*--chunk-size/m);
    expect(registry.openSessions).toBe(0);
  });
});

it('counts an upload that is started again as a retry', async () => {
  let failures = 1;
  const { run, source, target } = await start(({ method, path }, next) =>
    method === 'PUT' && path.includes('/blobs/') && failures-- > 0
      ? { ...failure(503, 'UNAVAILABLE', 'later'), headers: { 'retry-after': '0' } }
      : next(),
  );
  const { code, stderr } = await run(['copy', source, target, '--stats', '--debug']);
  expect(code).toBe(0);
  expect(stderr).toMatch(/ requests, 1 retry, /);
  expect(stderr).toMatch(/^! upload of sha256:\w{12}….*503.*; retrying in \d+ ms$/m);
});

describe('a warning of a registry', () => {
  const warning =
    (...texts: readonly string[]): Fault =>
    async (_request, next) => {
      const answer = await next();
      return { ...answer, headers: { ...answer.headers, warning: texts } };
    };

  it.each([
    ['inspect', (target: string) => ['inspect', target]],
    ['inspect --json', (target: string) => ['inspect', target, '--json']],
    ['copy', (target: string, source: string) => ['copy', source, target]],
    ['create --push', (target: string, source: string) => ['create', target, source, '--push']],
    ['validate', (target: string) => ['validate', target]],
  ])('is shown once by %s', async (_command, argv) => {
    const { run, source, target, host, registry } = await start(
      warning(
        '299 - "moves to new.example.com", 299 - "second"',
        Buffer.from('299 - "third\u009b31m"').toString('latin1'),
        '110 - "stale"',
      ),
    );
    registry.put('app', amd64, '1');
    const { stdout, stderr } = await run(argv(target, source));
    expect(stderr.match(/^warning: .*$/gm)).toEqual([
      `warning: ${host}: moves to new.example.com`,
      `warning: ${host}: second`,
      `warning: ${host}: third 31m`,
    ]);
    expect(stdout).not.toContain('new.example.com');
  });

  it('is shown by a failed login, without the password', async () => {
    const { run, host } = await start(({ headers }) => ({
      status: 401,
      headers: {
        'www-authenticate': 'Basic realm="x"',
        warning: `299 - "you sent ${headers.authorization ?? 'nothing'}"`,
      },
    }));
    const { code, stderr } = await run(['login', host, '-u', 'me', '--password-stdin'], { stdin: 'secret' });
    expect(code).toBe(4);
    expect(stderr).toContain(`warning: ${host}: you sent Basic REDACTED\n`);
  });

  it('is hidden by --quiet', async () => {
    const { run, target, registry } = await start(warning('299 - "a"'));
    registry.put('app', amd64, '1');
    expect((await run(['inspect', target, '-q'])).stderr).toBe('');
  });

  it('is not read from the host that a blob is redirected to', async () => {
    const storage = await startCommandLine({
      registry: {
        fault: () => ({ headers: { warning: '299 - "storage"' }, body: Buffer.from(amd64.config.bytes) }),
      },
    });
    const redirecting = await startCommandLine({
      registry: {
        fault: ({ method, path }, next) =>
          method === 'GET' && path.includes('/blobs/')
            ? {
                status: 307,
                headers: {
                  location: `http://localhost:${storage.host.split(':')[1] ?? ''}/x`,
                  warning: '299 - "own"',
                },
              }
            : next(),
      },
    });
    redirecting.registry.put('app', amd64, '1');
    const { stderr } = await redirecting.run(['inspect', `${redirecting.app}:1`, '--config']);
    expect(stderr).not.toContain('storage');
  });
});
