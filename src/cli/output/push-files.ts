import { appendFile, lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { writeFileAtomically } from '../../files/atomic-write.js';
import { errorCode, fileError } from '../../files/file-error.js';
import { ArgumentError } from '../../oci/errors.js';
import type { PushReport } from '../../publish/push-report.js';
import { githubOutputs, githubSummary } from './github-report.js';

/** Where a push is reported beside the standard output. */
export interface ReportFiles {
  readonly digestFile: string | undefined;
  readonly metadataFile: string | undefined;
  /** To the step of GitHub Actions that this runs in. */
  readonly github: boolean;
}

export interface Reports {
  /**
   * Writes each file whole or not at all: the digest without a line end, and the report as JSON.
   * @throws FailedError where a file cannot be written
   */
  write(report: PushReport): Promise<void>;
}

/** What the runner of GitHub Actions tells each step: the files that it reads when the step is done. */
const GITHUB_FILES = ['GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY'] as const;

/**
 * Makes sure that a push can be reported, before it is done: nobody wants a tag moved and no word of it.
 * @throws ArgumentError where a file has no directory or cannot be replaced, or where there is no GitHub Actions
 */
export async function openReports(places: ReportFiles, env: NodeJS.ProcessEnv): Promise<Reports> {
  const [digestFile, metadataFile] = await Promise.all([
    replaceable('--digest-file', places.digestFile),
    replaceable('--metadata-file', places.metadataFile),
  ]);
  if (digestFile !== undefined && digestFile === metadataFile) {
    throw new ArgumentError(`--digest-file and --metadata-file are the same file: ${digestFile}`);
  }
  const [outputs, summary] = places.github ? githubFiles(env) : [];
  return {
    async write(report) {
      await writeWhole(digestFile, report.digest);
      await writeWhole(metadataFile, `${JSON.stringify(report, undefined, 2)}\n`);
      await append(outputs, githubOutputs(report));
      await append(summary, githubSummary(report));
    },
  };
}

/**
 * The path of a file that is there or can be made: of a link, where it leads to, so that the link stays. A device or a
 * pipe cannot be replaced by a file.
 */
async function replaceable(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  if (path === '') {
    throw new ArgumentError(`${flag} takes a file, not ""`, {
      hint: 'Is the variable set that it comes from?',
    });
  }
  const real = (await realPath(path)) ?? (await inRealDirectory(path));
  if (real === undefined) {
    throw new ArgumentError(`${flag} ${path}: the directory is not there`, { hint: 'Make it first.' });
  }
  if (!(await isFileOrFree(real))) {
    throw new ArgumentError(`${flag} ${path}: this is not a regular file`, {
      hint: 'Name a file; --json prints to the standard output.',
    });
  }
  return real;
}

async function inRealDirectory(path: string): Promise<string | undefined> {
  const absolute = resolve(path);
  const directory = await realPath(dirname(absolute));
  return directory === undefined ? undefined : join(directory, basename(absolute));
}

/** `undefined` where there is no such file. */
async function realPath(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw fileError('find', path, error, 'name another file');
  }
}

async function isFileOrFree(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile();
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return true;
    throw fileError('find', path, error, 'name another file');
  }
}

function githubFiles(env: NodeJS.ProcessEnv): [outputs: string, summary: string] {
  const [outputs = '', summary = ''] = GITHUB_FILES.map((name) => env[name] ?? '');
  const unset = GITHUB_FILES.filter((name) => (env[name] ?? '') === '');
  if (unset.length === 0) return [outputs, summary];
  throw new ArgumentError(`--github needs ${unset.join(' and ')}`, {
    hint: 'GitHub Actions sets it for each step; in a container, pass it on together with the file.',
  });
}

async function writeWhole(path: string | undefined, text: string): Promise<void> {
  if (path === undefined) return;
  try {
    await writeFileAtomically(path, Buffer.from(text), { temporaryDirectory: dirname(path) });
  } catch (error) {
    throw afterPush(path, error);
  }
}

async function append(path: string | undefined, text: string): Promise<void> {
  if (path === undefined) return;
  try {
    await appendFile(path, text);
  } catch (error) {
    throw afterPush(path, error);
  }
}

function afterPush(path: string, error: unknown): Error {
  return fileError('write', `${path}, though the push is done`, error, 'name another file');
}
