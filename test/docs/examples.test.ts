import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it, vi } from 'vitest';

import { describeIntegration } from '../support/integration.js';
import { runProgram } from './examples.js';
import { blocksOf, page, root } from './markdown.js';
import { runAction } from './run-action.js';
import { scenes } from './scenes.js';
import type { Session } from './session.js';

const REPOSITORY = 'registry.example.com/team/app';

function example(name: string): string {
  return readFileSync(`${root}examples/${name}`, 'utf8');
}

/** Runs `work` with two images that a build has pushed. */
async function inScene(scene: string, work: (session: Session) => Promise<void>): Promise<void> {
  const session = await scenes[scene]?.();
  if (session === undefined) throw new Error(`no scene ${scene}`);
  try {
    await work(session);
  } finally {
    await session.stop();
  }
}

function tagsOf({ registry }: Session, repository: string, tags: readonly string[]): (string | undefined)[] {
  return tags.map((tag) => registry.manifest(repository, tag)?.digest);
}

describe('examples/', () => {
  it('lists every file in its README', () => {
    const listed = [...page('examples/README.md').text.matchAll(/^\| \[([^\]]+)\]/gm)].map(
      ([, name]) => name,
    );
    const files = readdirSync(`${root}examples`, { recursive: true, encoding: 'utf8' })
      .map((name) => name.replaceAll('\\', '/'))
      .filter((name) => name !== 'README.md' && name.includes('.'));
    expect(listed.toSorted()).toEqual(files.toSorted());
  });

  it('contains the workflow of docs/ci/github-actions.md', () => {
    const [block] = blocksOf(page('docs/ci/github-actions.md'));
    expect(block?.code).toMatch(/^jobs:/);
    expect(example('join-tags.yml')).toContain(block?.code);
  });
});

describeIntegration('the examples', ['bash'], () => {
  // Each example starts several processes.
  vi.setConfig({ testTimeout: 120_000 });

  it('join-tags.yml publishes the index under both tags', () =>
    inScene('github', async (session) => {
      await runAction(example('join-tags.yml'), session);
      const [digest, latest] = tagsOf(session, 'your-org/app', ['cafe', 'latest']);
      expect(digest).toMatch(/^sha256:/);
      expect(latest).toBe(digest);
    }));

  it('release.sh publishes, validates and reports the release', () =>
    inScene('releases', async (session) => {
      await session.save('release.sh', example('release.sh'));
      const output = await session.runScript(
        `bash release.sh ${REPOSITORY} 1.2 && cat release.json && multiarch ls`,
      );
      const [digest, latest] = tagsOf(session, 'team/app', ['1.2', 'latest']);
      expect(output).toContain(`published ${REPOSITORY}@${digest}\n{`);
      expect(output.endsWith('}\n')).toBe(true);
      expect(latest).toBe(digest);
    }));

  it('assembly.yaml publishes the index under all tags', () =>
    inScene('assembly', async (session) => {
      await session.save('assembly.yaml', example('assembly.yaml'));
      const output = await session.runScript('multiarch create -f assembly.yaml --push --purge');
      const [digest, ...others] = tagsOf(session, 'team/app', ['1.2', '1', 'latest']);
      expect(output).toBe(`${digest}\n`);
      expect(others).toEqual([digest, digest]);
    }));

  it('publish.ts publishes the index and reports the tags', () =>
    inScene('library', async (session) => {
      const output = await runProgram(example('publish.ts'), session);
      const [digest] = tagsOf(session, 'team/app', ['1.2']);
      expect(output).toBe(`1.2: moved\nlatest: moved\n${digest}\n`);
    }));
});
