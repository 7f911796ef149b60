import { appendFile, lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

import { writeFileAtomically } from '../../files/atomic-write.js';
import { ifExists, withFileErrors } from '../../files/file-error.js';
import { ArgumentError } from '../../oci/errors.js';
import { parseImageLocation } from '../../oci/image-location.js';
import { formatRepository } from '../../oci/reference.js';
import type { PushReport } from '../../publish/push-report.js';
import { githubOutputs, githubSummary } from './github-report.js';

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

/**
 * Checks before a push that it can be reported.
 * @returns a function that writes the digest without a line feed, and the report as JSON. Each file is written
 *   atomically. It throws FailedError if a file cannot be written
 * @throws ArgumentError if the directory of a file does not exist, if a file cannot be replaced, or outside GitHub Actions
 */
export async function openReports(
  files: ReportFiles,
  env: NodeJS.ProcessEnv,
): Promise<(report: PushReport) => Promise<void>> {
  const [digestFile, metadataFile] = await Promise.all([
    replaceable('--digest-file', files.digestFile),
    replaceable('--metadata-file', files.metadataFile),
  ]);
  if (digestFile !== undefined && digestFile === metadataFile) {
    throw new ArgumentError(`--digest-file and --metadata-file are the same file: ${digestFile}`);
  }
  const [outputs, summary] = files.github ? githubFiles(env) : [];
  return async (report) => {
    await writeWhole(digestFile, report.digest);
    await writeWhole(metadataFile, `${JSON.stringify(withBuildxKeys(report), undefined, 2)}\n`);
    await append(outputs, githubOutputs(report));
    await append(summary, githubSummary(report));
  };
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

function githubFiles(env: NodeJS.ProcessEnv): readonly string[] {
  const files = GITHUB_FILES.map((name) => env[name] ?? '');
  const unset = GITHUB_FILES.filter((_name, index) => files[index] === '');
  if (unset.length === 0) return files;
  throw new ArgumentError(`--github needs ${unset.join(' and ')}`, {
    hint: 'GitHub Actions sets it for each step. In a container, pass on the variable and mount the file.',
  });
}

async function writeAfterPush(
  path: string | undefined,
  write: (path: string) => Promise<unknown>,
): Promise<void> {
  if (path === undefined) return;
  await withFileErrors('write', `${path} (the push succeeded)`, () => write(path), ALTERNATIVE);
}

function writeWhole(path: string | undefined, text: string): Promise<void> {
  return writeAfterPush(path, (file) =>
    writeFileAtomically(file, Buffer.from(text), { temporaryDirectory: dirname(file) }),
  );
}

function append(path: string | undefined, text: string): Promise<void> {
  return writeAfterPush(path, (file) => appendFile(file, text));
}
