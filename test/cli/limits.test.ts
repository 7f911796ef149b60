import { describe, expect, it } from 'vitest';

import { parseLimits } from '../../src/cli/global-options.js';
import { OCI_INDEX } from '../../src/oci/media-type.js';
import { amd64, arm64, attested, pair } from '../support/images.js';
import { artifact } from '../support/artifact.js';
import { startCommandLine, type CommandLine } from '../support/in-process.js';
import type { MemoryRegistry } from '../support/memory-registry.js';

describe('--limit', () => {
  it.each<[given: readonly string[], limits: object]>([
    [[], {}],
    [['requests=10', 'entries=20', 'metadata=1MiB'], { requests: 10, entries: 20, metadata: 1 << 20 }],
    [['metadata=1000'], { metadata: 1000 }],
    [['requests=10', 'requests=10'], { requests: 10 }],
  ])('%j', (given, limits) => {
    expect(parseLimits(given)).toEqual(limits);
  });

  it.each([
    ['requests', '--limit takes NAME=VALUE, not "requests"'],
    ['bytes=1', '--limit takes NAME=VALUE, not "bytes=1"'],
    ['=1', '--limit takes NAME=VALUE, not "=1"'],
    ['requests=0', '--limit requests takes a whole number of at least 1, not "0"'],
    ['requests=1k', '--limit requests takes a whole number of at least 1, not "1k"'],
    ['metadata=much', '--limit metadata takes a size, not "much"'],
    ['constructor=1', '--limit takes NAME=VALUE, not "constructor=1"'],
  ])('%s is rejected', (text, message) => {
    expect(() => parseLimits([text])).toThrow(message);
  });

  it('twice with different values is rejected', () => {
    expect(() => parseLimits(['requests=1', 'requests=2'])).toThrow('--limit requests is given twice');
  });
});

/** Starts a registry with the index `app:many`, which lists the same image many times. */
async function startWithMany(
  isComplete: boolean,
): Promise<CommandLine & { readonly registry: MemoryRegistry; readonly many: string }> {
  const { registry, app, ...commandLine } = await startCommandLine({
    images: { amd64 },
    registry: { referrers: {} },
  });
  const { digest, bytes, mediaType } = amd64.manifest;
  const platform = isComplete ? { platform: { os: 'linux', architecture: 'amd64' } } : {};
  const manifests = Array.from({ length: MANY }, () => ({
    mediaType,
    digest,
    size: bytes.length,
    ...platform,
  }));
  const index = JSON.stringify({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
  registry.putManifest('app', Buffer.from(index), OCI_INDEX, 'many');
  return { ...commandLine, registry, many: `${app}:many` };
}

const MANY = 50;

describe('an image that an index lists many times is read once', () => {
  it.each<[argv: string, requests: number]>([
    // The index, the image, at most four requests for the referrers of each, and for a table the config.
    ['inspect --format tree INDEX', 10],
    ['inspect --format table INDEX', 11],
    ['inspect --verbose INDEX', 3],
    ['inspect --require linux/amd64 INDEX', 3],
    ['inspect --platform linux/amd64 INDEX', 3],
    ['inspect --platform linux/amd64 --config INDEX', 3],
    ['diff INDEX INDEX', 4],
    ['create --amend DRAFT INDEX', 3],
    ['create --attestations from-referrers DRAFT INDEX', 4],
    ['create --annotations-from-labels DRAFT INDEX', 3],
    ['copy INDEX LAYOUT', 4],
    ['copy --referrers INDEX LAYOUT', 12],
  ])('%s', async (argv, most) => {
    for (const isComplete of [true, false]) {
      const { registry, run, many, directory } = await startWithMany(isComplete);
      const args = argv
        .split(' ')
        .map(
          (arg) =>
            ({ INDEX: many, DRAFT: 'example.com/app:1', LAYOUT: `oci:${directory}/out:1` })[arg] ?? arg,
        );
      const { code, stderr } = await run(args);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      expect(registry.requests.length).toBeLessThanOrEqual(most);
    }
  });
});

describe('a command that needs more than a limit', () => {
  it.each<[argv: string, limit: string, what: RegExp]>([
    [
      'inspect --format tree INDEX',
      'requests=3',
      /needs more than 3 requests, its limit; it stopped at (GET|HEAD) /,
    ],
    ['copy INDEX LAYOUT', 'requests=5', /needs more than 5 requests/],
    ['create DRAFT INDEX AMD64', 'requests=2', /needs more than 2 requests/],
    [
      'copy --referrers INDEX LAYOUT',
      'metadata=2000',
      /needs more than 2000 bytes of metadata, .* stopped at GET /,
    ],
    ['create DRAFT AMD64 ARM64', 'entries=3', /needs more than 3 entries, .* stopped at 127/],
    ['inspect --require linux/s390x INDEX', 'metadata=100', /needs more than 100 bytes of metadata/],
  ])('%s --limit %s', async (argv, limit, what) => {
    const { run, app, directory, registry } = await startCommandLine({ images: { attested, amd64, arm64 } });
    const names: Record<string, string> = {
      INDEX: `${app}:attested`,
      AMD64: `${app}:amd64`,
      ARM64: `${app}:arm64`,
      DRAFT: `${app}:draft`,
      LAYOUT: `oci:${directory}/out:1`,
    };
    const { code, stderr, stdout } = await run([
      '--limit',
      limit,
      ...argv.split(' ').map((arg) => names[arg] ?? arg),
    ]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(what);
    expect(stderr).toContain(
      `hint: If you trust the content, raise the limit with --limit ${limit.split('=')[0]}=`,
    );
    const [name, most] = limit.split('=');
    if (name === 'requests') expect(registry.requests.length).toBeLessThanOrEqual(Number(most));
  });

  it('does so too when referrers refer to one another without end', async () => {
    const { run, registry, app, directory } = await startCommandLine({
      images: { pair },
      registry: { referrers: {} },
    });
    // Each manifest of a level is the subject of four of the next.
    let subjects = [pair.images[0]?.manifest];
    for (let depth = 0; depth < 3; depth += 1) {
      const next = subjects.flatMap((subject) =>
        ['1', '2', '3', '4'].map((text) => artifact(subject, { text })),
      );
      for (const referrer of next) registry.put('app', referrer);
      subjects = next.map(({ manifest }) => manifest);
    }
    const { code, stderr } = await run([
      'copy',
      '--referrers',
      `${app}:pair`,
      `oci:${directory}/out:1`,
      '--limit',
      'requests=60',
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('needs more than 60 requests');
    expect(registry.requests.length).toBeLessThanOrEqual(60);
  });

  it('counts what it reads in all its steps together', async () => {
    const { run, app } = await startCommandLine({ images: { pair } });
    // Two reads of the index.
    expect(await run(['diff', `${app}:pair`, `${app}:pair`, '--limit', 'requests=1'])).toMatchObject({
      code: 1,
    });
    expect(await run(['diff', `${app}:pair`, `${app}:pair`, '--limit', 'requests=3'])).toMatchObject({
      code: 0,
    });
  });
});
