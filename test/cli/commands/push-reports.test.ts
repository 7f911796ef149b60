import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it, onTestFinished } from 'vitest';

import { COMMAND } from '../../support/executable.js';
import { amd64 } from '../../support/images.js';
import { startCommandLine } from '../../support/in-process.js';
import { startRegistry } from '../../support/open-repository.js';
import { run as runProgram, type RunResult } from '../../support/run.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** A command that publishes, and reports that in a file of a directory. */
interface Report {
  readonly name: string;
  readonly args: (app: string, file: string) => readonly string[];
  readonly env?: (file: string) => Readonly<Record<string, string>>;
}

const github = (variable: string, other: string) => (file: string) => ({
  [variable]: file,
  [other]: `${file}-other`,
});

const create = (app: string): string[] => ['create', `${app}:1`, `${app}:amd64`, '--push', '-q'];
const REPORTS: readonly Report[] = [
  { name: 'push --digest-file', args: (app, file) => ['push', `${app}:1`, '-q', '--digest-file', file] },
  { name: 'push --metadata-file', args: (app, file) => ['push', `${app}:1`, '-q', '--metadata-file', file] },
  {
    name: 'create --push --digest-file',
    args: (app, file) => [...create(app), '--amend', '--digest-file', file],
  },
  {
    name: 'copy --digest-file',
    args: (app, file) => ['copy', `${app}:amd64`, `${app}:1`, '--digest-file', file],
  },
  {
    name: 'copy --metadata-file',
    args: (app, file) => ['copy', `${app}:amd64`, `${app}:1`, '--metadata-file', file],
  },
  {
    name: 'push with GITHUB_OUTPUT',
    args: (app) => ['push', `${app}:1`, '-q', '--github'],
    env: github('GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY'),
  },
  {
    name: 'push with GITHUB_STEP_SUMMARY',
    args: (app) => ['push', `${app}:1`, '-q', '--github'],
    env: github('GITHUB_STEP_SUMMARY', 'GITHUB_OUTPUT'),
  },
];

/** A draft, and a directory for reports, which `onPush` may change while the tag is written. */
async function start({ args, env = () => ({}) }: Report) {
  let onPush: () => Promise<void> = () => Promise.resolve();
  const { app, directory, registry, run } = await startCommandLine({
    images: { amd64 },
    registry: {
      fault: async ({ method, path }, next) => {
        const answer = await next();
        if (method === 'PUT' && path.endsWith('/manifests/1')) await onPush();
        return answer;
      },
    },
  });
  await run(['create', `${app}:1`, `${app}:amd64`]);
  const reports = join(directory, 'reports');
  await mkdir(reports);
  return {
    reports,
    pushed: (): string | undefined => registry.manifest('app', '1')?.digest,
    during: (action: () => Promise<void>): void => void (onPush = action),
    report: (file: string) => run(args(app, file), { env: env(file) }),
  };
}

describe.each(REPORTS)('the report of $name', (report) => {
  it('is checked before the push', async () => {
    const { reports, pushed, report: call } = await start(report);
    const [file, directory] = [join(reports, 'file'), join(reports, 'directory')];
    await writeFile(file, '');
    await mkdir(directory);
    const unusable = [
      join(reports, 'missing', 'x'),
      directory,
      join(file, 'x'),
      join(reports, 'x'.repeat(256)),
    ];
    for (const path of unusable) {
      const { code, stdout, stderr } = await call(path);
      expect(stdout).toBe('');
      expect(code, path).not.toBe(0);
      expect(stderr).toMatch(/^error: /m);
    }
    expect(pushed()).toBeUndefined();
  });

  it('that cannot be written after the push fails with the digest on stdout, and says that the push is done', async () => {
    const { reports, pushed, during, report: call } = await start(report);
    during(() => rm(reports, { recursive: true }));
    const { code, stdout, stderr } = await call(join(reports, 'file'));
    expect(pushed()).toBeDefined();
    expect({ code, stdout }).toEqual({ code: 1, stdout: `${pushed()}\n` });
    expect(stderr).toMatch(/^error: .*@sha256:.* is published, but not reported: cannot write /m);
    expect(stderr).toContain('hint: The tags have moved');
  });
});

it('writes one report if the other cannot be written', async () => {
  const [report] = REPORTS;
  if (report === undefined) throw new Error('no report');
  const elsewhere = join(await temporaryDirectory(), 'metadata.json');
  const both = (app: string, file: string) => [...report.args(app, file), '--metadata-file', elsewhere];
  const { reports, pushed, during, report: call } = await start({ ...report, args: both });
  during(() => rm(reports, { recursive: true }));
  expect(await call(join(reports, 'file'))).toMatchObject({ code: 1 });
  expect(await readFile(elsewhere, 'utf8')).toContain(pushed());
});

// Root may write everywhere; only root may start a process as another user.
describe.runIf(process.platform === 'linux' && process.getuid?.() === 0)('without rights', () => {
  async function startAsNobody() {
    const registry = await startRegistry();
    registry.put('app', amd64, 'amd64');
    const directory = await temporaryDirectory();
    const drafts = join(directory, 'drafts');
    await mkdir(drafts);
    for (const path of [directory, drafts]) await chmod(path, 0o777);
    onTestFinished(() => chmod(directory, 0o777));
    const call = (...args: readonly string[]): Promise<RunResult> =>
      runProgram('setpriv', ['--reuid=54321', '--clear-groups', ...COMMAND, ...args], {
        cwd: '/',
        env: { MULTIARCH_STORE: drafts, DOCKER_CONFIG: directory, XDG_CACHE_HOME: join(directory, 'cache') },
      });
    const app = `${registry.host}/app`;
    expect(await call('create', `${app}:1`, `${app}:amd64`)).toMatchObject({ code: 0 });
    return { registry, directory, drafts, call, list: `${app}:1` };
  }

  it('to the directory of a report, nothing is pushed', async () => {
    const { registry, directory, call, list } = await startAsNobody();
    await chmod(directory, 0o755);
    const { code, stdout, stderr } = await call('push', list, '--digest-file', join(directory, 'digest'));
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('digest: permission denied');
    expect(registry.manifest('app', '1')).toBeUndefined();
  });

  it('to the drafts, --purge pushes nothing, and a push without it works', async () => {
    const { registry, drafts, call, list } = await startAsNobody();
    await chmod(drafts, 0o755);
    const { code, stdout, stderr } = await call('push', list, '--purge');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain(`cannot delete drafts in ${drafts}: permission denied`);
    expect(registry.manifest('app', '1')).toBeUndefined();
    const pushed = await call('push', list, '-q');
    expect(pushed).toMatchObject({ code: 0, stdout: `${registry.manifest('app', '1')?.digest}\n` });
    expect(pushed.stderr).toBe('');
  });
});
