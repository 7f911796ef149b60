import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { artifact } from '../support/artifact.js';
import { keptImage, savedParts } from '../support/docker-save.js';
import { amd64, arm64, s390x, attested } from '../support/images.js';
import { layoutArchive } from '../support/saved-layout.js';
import { tarFile } from '../support/tar-file.js';
import { tinyImage, tinyIndex, writeLayout } from '../support/tiny-image.mjs';
import { Session } from './session.js';

const EXAMPLE = 'registry.example.com';
const ECR = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';

const ACCOUNT = { username: 'ann', password: 'secret' };

/** The environment of a job that joins the images of earlier jobs. */
export interface Job {
  readonly host: string;
  readonly path: string;
  /** Whether the images have tags. @default false, the build jobs pass digests on */
  readonly tagged?: boolean;
  /** Whether the job has a login without logging in. @default false */
  readonly savedLogin?: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/** The joining jobs of docs/ci. The tag of the index is `cafe`. */
export const JOBS: Readonly<Record<string, Job>> = {
  'github-digests': { host: 'ghcr.io', path: 'your-org/app', savedLogin: true, env: {} },
  gitlab: {
    host: EXAMPLE,
    path: 'team/app',
    env: {
      CI_REGISTRY: EXAMPLE,
      CI_REGISTRY_IMAGE: `${EXAMPLE}/team/app`,
      CI_REGISTRY_USER: ACCOUNT.username,
      CI_REGISTRY_PASSWORD: ACCOUNT.password,
      CI_COMMIT_SHORT_SHA: 'cafe',
    },
  },
  circleci: {
    host: EXAMPLE,
    path: 'team/app',
    env: {
      IMAGE: `${EXAMPLE}/team/app`,
      CIRCLE_SHA1: 'cafe',
      REGISTRY_USER: ACCOUNT.username,
      REGISTRY_PASSWORD: ACCOUNT.password,
    },
  },
  jenkins: {
    host: EXAMPLE,
    path: 'team/app',
    env: {
      IMAGE: `${EXAMPLE}/team/app`,
      GIT_COMMIT: 'cafe',
      REGISTRY_USR: ACCOUNT.username,
      REGISTRY_PSW: ACCOUNT.password,
    },
  },
  codebuild: {
    host: ECR,
    path: 'team/app',
    tagged: true,
    savedLogin: true,
    env: { REGISTRY: ECR, CODEBUILD_RESOLVED_SOURCE_VERSION: 'cafe' },
  },
};

/** The initial state for a sequence of examples. Pages name the scene in a directive: `<!-- run: first-minute -->`. */
export const scenes: Readonly<Record<string, () => Promise<Session>>> = {
  'first-minute': withLayouts,
  layouts: withLayouts,
  archives: withArchives,
  login: withAccount,
  promotion: withStaging,
  'air-gap': withInside,
  validate: withLayouts,
  'build-script': withImages,
  releases: withImages,
  assembly: withImages,
  'assembly-file': withImages,
  'build-tools': withImages,
  'assembly-program': withImages,
  template: withImages,
  matrix: withDigestFolder,
  published: withPublished,
  signed: withSignature,
  cache: withPublished,
  completion: withLayouts,
  configuration: withLayouts,
  labels: withLabels,
  library: withImages,
  'library-page': withImages,
  bytes: withImages,
  'draft-file': withImages,
  'not-found': withImages,
  immutable: () => withImages({ immutableTags: true }),
  provenance: withProvenance,
  ecr: withTwoOfOnePlatform,
  ci: withDigestFolder,
  github: forGitHub,
  ...Object.fromEntries(Object.entries(JOBS).map(([name, job]) => [name, () => forJob(job)])),
};

/** Two image layouts, as the quickstart creates them. */
async function withLayouts(): Promise<Session> {
  const session = await Session.start(EXAMPLE);
  await writeLayout(join(session.directory, 'amd64'), amd64, '1.2');
  await writeLayout(join(session.directory, 'arm64'), arm64, '1.2');
  return session;
}

/** A registry that requires a login, and the password in a file. */
async function withAccount(): Promise<Session> {
  const account = { username: 'ann', password: 'secret' };
  const session = await Session.start(EXAMPLE, { auth: { kind: 'basic', ...account } });
  await session.save('password.txt', `${account.password}\n`);
  return session;
}

/** Two archives of build jobs, one of each kind. */
async function withArchives(): Promise<Session> {
  const session = await Session.start('ghcr.io');
  const { manifest, config, layers } = amd64;
  const blobs = [manifest, config, ...layers].map(({ bytes }) => bytes);
  const layout = layoutArchive([{ mediaType: manifest.mediaType, bytes: manifest.bytes, blobs }]);
  await writeFile(join(session.directory, 'amd64.tar'), layout);
  await writeFile(join(session.directory, 'arm64.tar'), tarFile(savedParts([keptImage(['acme/app:1.2'])])));
  return session;
}

/** An index in a staging registry, and an empty production registry. */
async function withStaging(): Promise<Session> {
  const session = await Session.start(EXAMPLE);
  const staging = await session.addRegistry('staging.example.com');
  staging.put('team/app', tinyIndex([amd64, arm64, s390x], { attestations: true }), '1.2');
  return session;
}

/** An index in one registry, and an empty registry at a site without a network. */
async function withInside(): Promise<Session> {
  const session = await Session.start(EXAMPLE);
  await session.addRegistry('registry.inside.example');
  session.registry.put('team/app', attested, '1.2');
  return session;
}

/** Two images that a build has pushed. */
async function withImages(options: Parameters<typeof Session.start>[1] = {}): Promise<Session> {
  const session = await Session.start(EXAMPLE, options);
  session.registry.put('team/app', amd64, '1.2-amd64');
  session.registry.put('team/app', arm64, '1.2-arm64');
  return session;
}

/** Two images, and a directory with a file named after the digest of each. */
async function withDigestFolder(): Promise<Session> {
  const session = await withImages();
  await mkdir(join(session.directory, 'digests'));
  for (const { manifest } of [amd64, arm64]) {
    await session.save(join('digests', manifest.digest.replace('sha256:', '')), '');
  }
  return session;
}

/** A published index of three platforms with provenance, a new image for one of them, and another tag of the same index. */
async function withPublished(): Promise<Session> {
  const session = await Session.start(EXAMPLE);
  session.registry.put('team/app', tinyIndex([amd64, arm64, s390x], { attestations: true }), '1.2');
  session.registry.put('team/app', tinyIndex([amd64, arm64, s390x], { attestations: true }), 'stable');
  session.registry.put('team/app', tinyImage({ architecture: 'amd64', text: 'Fixed\n' }), 'fix-amd64');
  return session;
}

/** A published index with provenance, of which one image is signed. */
async function withSignature(): Promise<Session> {
  const session = await Session.start(EXAMPLE, { referrers: {} });
  session.registry.put('team/app', tinyIndex([amd64, arm64], { attestations: true }), '1.2');
  const type = 'application/vnd.cncf.notary.signature';
  session.registry.put('team/app', artifact(amd64.manifest, { type }));
  return session;
}

/** Two images with labels, one of which differs. */
async function withLabels(): Promise<Session> {
  const session = await Session.start(EXAMPLE);
  for (const architecture of ['amd64', 'arm64'] as const) {
    const labels = {
      'org.opencontainers.image.version': '1.2',
      'org.opencontainers.image.vendor': 'Example',
      'org.opencontainers.image.base.name': `docker.io/${architecture}/alpine:3.20`,
    };
    session.registry.put('team/app', tinyImage({ architecture, labels }), `1.2-${architecture}`);
  }
  return session;
}

/** Two images that BuildKit has pushed with attestations. */
async function withProvenance(): Promise<Session> {
  const session = await Session.start(EXAMPLE);
  session.registry.put('team/app', tinyIndex([amd64], { attestations: true }), '1.2-amd64');
  session.registry.put('team/app', tinyIndex([arm64], { attestations: true }), '1.2-arm64');
  return session;
}

/** Two images with the same platform, in a registry that requires a login. */
async function withTwoOfOnePlatform(): Promise<Session> {
  const account = { username: 'AWS', password: 'token' };
  const session = await Session.start(ECR, { auth: { kind: 'basic', ...account } });
  await session.logIn(account.username, account.password);
  for (const machine of ['x86', 'graviton']) {
    const image = tinyImage({ architecture: 'amd64', mediaTypes: 'docker', text: `Hello from ${machine}\n` });
    session.registry.put('hello', image, `1.0-${machine}`);
  }
  return session;
}

/** The environment of a GitHub workflow job whose dependencies have pushed their images. */
async function forGitHub(): Promise<Session> {
  const session = await Session.start('ghcr.io');
  session.registry.put('your-org/app', tinyIndex([amd64], { attestations: true }), 'cafe-amd64');
  session.registry.put('your-org/app', tinyIndex([arm64], { attestations: true }), 'cafe-arm64');
  session.setVariable('IMAGE', 'ghcr.io/your-org/app');
  session.setVariable('VERSION', 'cafe');
  session.setVariable('GITHUB_OUTPUT', join(session.directory, 'output'));
  session.setVariable('GITHUB_STEP_SUMMARY', join(session.directory, 'summary'));
  return session;
}

/** Opens the scene of a joining job: two images in a registry that requires a login, and what the build jobs pass on. */
export async function forJob({ host, path, tagged = false, savedLogin = false, env }: Job): Promise<Session> {
  const session = await Session.start(host, { auth: { kind: 'basic', ...ACCOUNT } });
  if (savedLogin) await session.logIn(ACCOUNT.username, ACCOUNT.password);
  await mkdir(join(session.directory, 'digests'));
  await mkdir(join(session.directory, 'built'));
  for (const [architecture, image] of Object.entries({ amd64, arm64 })) {
    const { digest } = image.manifest;
    session.registry.put(path, image, tagged ? `cafe-${architecture}` : undefined);
    if (tagged) continue;
    await session.save(join('digests', digest.replace('sha256:', '')), '');
    const metadata = { 'containerimage.digest': digest, 'image.name': `${host}/${path}` };
    await session.save(join('built', `build-${architecture}.json`), JSON.stringify(metadata));
  }
  for (const [name, value] of Object.entries(env)) session.setVariable(name, value);
  return session;
}
