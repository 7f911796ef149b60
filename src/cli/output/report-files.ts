import { access, appendFile, constants, lstat, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { writeFileAtomically } from '../../files/atomic-write.js';
import { ifExists, withFileErrors } from '../../files/file-error.js';
import { sweep } from '../../files/sweep.js';
import { ArgumentError, FailedError, isMultiarchError, type MultiarchErrors } from '../../oci/errors.js';
import { parseImageLocation } from '../../oci/image-location.js';
import { formatRepository } from '../../oci/reference.js';
import type { PushPlan } from '../../publish/plan.js';
import type { PushReport } from '../../publish/push-report.js';
import { githubOutputs, githubPlan, githubSummary } from './github-report.js';
import { jsonText } from './shown-text.js';

/** The files that report a push. */
export interface ReportFiles {
  readonly digestFile: string | undefined;
  readonly metadataFile: string | undefined;
  /** Whether to report to the current step of GitHub Actions. */
  readonly github: boolean;
}

/** The variables with the files that the runner of GitHub Actions reads after each step. */
const GITHUB_FILES = ['GITHUB_OUTPUT', 'GITHUB_STEP_SUMMARY'];

/** The second half of the hint about a file that cannot be used. */
const ALTERNATIVE = 'name another file';

/** Writes the reports of a push. */
export interface Reports {
  /**
   * Writes the digest without a line feed, and the report as JSON; of several lists that were pushed together, an object with
   * the report of each in `lists`, and no digest. Each file is written atomically. If one cannot be written, the others are.
   * @throws FailedError
   */
  readonly published: (...reports: readonly [PushReport, ...PushReport[]]) => Promise<void>;
  /** Adds what a dry run found to the summary of the step. No other file is written. @throws FailedError */
  readonly planned: (plans: readonly PushPlan[]) => Promise<void>;
}

/**
 * Checks before a push that it can be reported.
 * @throws ArgumentError if the directory of a file does not exist, if a file cannot be replaced, or outside GitHub Actions;
 *   FailedError if a file may not be written
 */
export async function openReports(files: ReportFiles, env: NodeJS.ProcessEnv): Promise<Reports> {
  const [digestFile, metadataFile] = await Promise.all([
    replaceable('--digest-file', files.digestFile),
    replaceable('--metadata-file', files.metadataFile),
  ]);
  if (digestFile !== undefined && digestFile === metadataFile) {
    throw new ArgumentError(`--digest-file and --metadata-file are the same file: ${digestFile}`);
  }
  for (const file of [digestFile, metadataFile]) if (file !== undefined) await sweep(dirname(file));
  const [outputs, summary] = files.github ? await githubFiles(env) : [];
  const published: Reports['published'] = async (...reports) => {
    const [report, ...others] = reports;
    const all = reports.map(withBuildxKeys);
    const metadata = `${jsonText(others.length === 0 ? all[0] : { lists: all })}\n`;
    const failures = await Promise.all([
      failureOf(digestFile, (file) => writeWhole(file, report.digest)),
      failureOf(metadataFile, (file) => writeWhole(file, metadata)),
      failureOf(outputs, (file) => appendFile(file, githubOutputs(...reports))),
      failureOf(summary, (file) => appendFile(file, reports.map(githubSummary).join(''))),
    ]);
    const errors = failures.filter((error) => error !== undefined);
    if (errors.length > 0) throw unreported(reports, errors);
  };
  const planned: Reports['planned'] = async (plans) => {
    const failure = await failureOf(summary, (file) => appendFile(file, plans.map(githubPlan).join('')));
    if (failure !== undefined) throw failure;
  };
  return { published, planned };
}

/** Adds what `docker buildx imagetools create --metadata-file` writes: the descriptor, and the repositories without tags. */
function withBuildxKeys(report: PushReport): unknown {
  const { references, mediaType, digest, size } = report;
  return {
    ...report,
    'containerimage.descriptor': { mediaType, digest, size },
    'image.name': [...new Set(references.map(repositoryName))].toSorted().join(','),
  };
}

/** Returns the repository of a reference, or the path of a layout or an archive. */
function repositoryName(reference: string): string {
  const location = parseImageLocation(reference);
  if (location.transport === 'registry') return formatRepository(location.reference);
  return 'path' in location ? location.path : reference;
}

/**
 * The real path of a file that exists or can be created. Symbolic links are resolved, so that they are kept.
 * @throws ArgumentError for a device or a pipe, which a file cannot replace
 */
async function replaceable(flag: string, path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  if (path === '') {
    throw new ArgumentError(`${flag} takes a file, not ""`, {
      hint: 'Check whether the variable it comes from is set.',
    });
  }
  return withFileErrors(
    'find',
    path,
    async () => {
      const real = (await ifExists(() => realpath(path))) ?? (await inRealDirectory(path));
      if (real === undefined) {
        throw new ArgumentError(`${flag} ${path}: the directory does not exist`, {
          hint: 'Create it first.',
        });
      }
      if ((await ifExists(() => lstat(real)))?.isFile() === false) {
        throw new ArgumentError(`${flag} ${path}: not a regular file`, {
          hint: 'Give the path of a file, or use --json to print to standard output.',
        });
      }
      await withFileErrors('write', path, () => checkWritable(dirname(real)), ALTERNATIVE);
      return real;
    },
    ALTERNATIVE,
  );
}

async function inRealDirectory(path: string): Promise<string | undefined> {
  const absolute = resolve(path);
  const directory = await ifExists(() => realpath(dirname(absolute)));
  return directory === undefined ? undefined : join(directory, basename(absolute));
}

async function githubFiles(env: NodeJS.ProcessEnv): Promise<readonly string[]> {
  const files = GITHUB_FILES.map((name) => env[name] ?? '');
  const unset = GITHUB_FILES.filter((_name, index) => files[index] === '');
  if (unset.length > 0) {
    throw new ArgumentError(`--github needs ${unset.join(' and ')}`, {
      hint: 'GitHub Actions sets it for each step. In a container, pass on the variable and mount the file.',
    });
  }
  for (const file of files) {
    await withFileErrors('write', file, () => checkAppendable(file), 'set the variable to another file');
  }
  return files;
}

/** @throws ArgumentError for a directory, and the error of the file system if it does not allow writing */
async function checkAppendable(file: string): Promise<void> {
  const found = await ifExists(() => stat(file));
  if (found?.isDirectory() === true) {
    throw new ArgumentError(`--github: ${file} is a directory`, { hint: 'GitHub Actions sets a file.' });
  }
  await checkWritable(found === undefined ? dirname(resolve(file)) : file);
}

/** @throws the error of the file system if it does not allow writing a file, or files in a directory */
function checkWritable(path: string): Promise<void> {
  return access(path, constants.W_OK);
}

/** Runs a write, if it has a file. @returns why it failed */
async function failureOf(
  path: string | undefined,
  write: (path: string) => Promise<void>,
): Promise<MultiarchErrors | undefined> {
  if (path === undefined) return undefined;
  try {
    await withFileErrors('write', path, () => write(path), ALTERNATIVE);
    return undefined;
  } catch (error) {
    if (isMultiarchError(error)) return error;
    throw error;
  }
}

/** The error for a push that is done, but not reported. */
function unreported(reports: readonly PushReport[], errors: readonly MultiarchErrors[]): FailedError {
  const reasons = errors.map(({ message }) => message).join('; ');
  const images = reports.map(({ image }) => image).join(', ');
  const verb = reports.length === 1 ? 'is' : 'are';
  return new FailedError(`${images} ${verb} published, but not reported: ${reasons}`, {
    hint: 'The tags have moved, and the digest is on standard output: only the file is missing.',
    cause: errors[0],
  });
}

function writeWhole(file: string, text: string): Promise<void> {
  return writeFileAtomically(file, Buffer.from(text), { temporaryDirectory: dirname(file) });
}
