import { outputOf, type RunOptions } from './run.js';
import { compareVersions, isVersion } from './version.js';

/** The state of a work tree. */
export interface WorkTree {
  /** The commit of HEAD. */
  readonly head: string;
  /** Empty if HEAD is detached. */
  readonly branch: string;
  /** The number of commits that the branch lacks of its upstream. */
  readonly behind: number;
  /** The changed and untracked files. */
  readonly changes: readonly string[];
}

/** The versions that have been released. */
export interface Releases {
  /** The commits of all versions. */
  readonly released: ReadonlyMap<string, string>;
  /** The last version in the history of HEAD. Undefined before the first release. */
  readonly previous: string | undefined;
}

/** Neither hooks nor translations change what happens, paths are printed as they are, and nothing runs afterwards. */
const GIT_ENVIRONMENT = {
  LC_ALL: 'C',
  GIT_CONFIG_COUNT: '3',
  GIT_CONFIG_KEY_0: 'core.hooksPath',
  GIT_CONFIG_VALUE_0: '/dev/null',
  GIT_CONFIG_KEY_1: 'core.quotePath',
  GIT_CONFIG_VALUE_1: 'false',
  GIT_CONFIG_KEY_2: 'gc.auto',
  GIT_CONFIG_VALUE_2: '0',
};

/** A git repository with a work tree, read and changed by git itself. */
export class Repository {
  constructor(readonly directory: string) {}

  async git(args: readonly string[], env: RunOptions['env'] = {}): Promise<string> {
    return outputOf('git', args, { directory: this.directory, env: { ...GIT_ENVIRONMENT, ...env } });
  }

  async workTree(): Promise<WorkTree> {
    const status = await this.git(['status', '--porcelain=v2', '--branch', '--untracked-files']);
    const header = (name: string): string => new RegExp(`^# ${name} (.*)$`, 'mu').exec(status)?.[1] ?? '';
    const branch = header('branch.head');
    return {
      head: header('branch.oid'),
      branch: branch === '(detached)' ? '' : branch,
      behind: Number(/-(\d+)$/u.exec(header('branch.ab'))?.[1] ?? 0),
      changes: linesOf(status).flatMap((line) => changedPath(line) ?? []),
    };
  }

  async releases(): Promise<Releases> {
    const before = await this.#tags('--merged=HEAD');
    return { released: await this.#tags(), previous: [...before.keys()].at(-1) };
  }

  /** Returns the commits of the tags of versions, in ascending order. */
  async #tags(...options: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const format = '--format=%(refname:lstrip=2) %(objectname) %(*objectname)';
    const lines = linesOf(await this.git(['for-each-ref', format, ...options, 'refs/tags/v*']));
    return new Map(
      lines
        // An annotated tag has the commit after its own object.
        .map((line) => line.trim().split(' '))
        .map(([tag = '', ...objects]) => [tag.slice(1), objects.at(-1) ?? ''] as const)
        .filter(([version]) => isVersion(version))
        .toSorted(([left], [right]) => compareVersions(left, right)),
    );
  }

  /** Returns the time of a commit, in seconds since 1970. */
  async timeOf(commit: string): Promise<number> {
    return Number(await this.git(['log', '-1', '--format=%ct', commit]));
  }

  /** Returns the variables that make git write commits and tags as the user does here, at a time. */
  async identity(time: number): Promise<Readonly<Record<string, string>>> {
    const ident = await this.git(['var', 'GIT_COMMITTER_IDENT']);
    const [, name = '', email = ''] = /^(.*) <(.*)> \d+ [+-]\d+$/u.exec(ident) ?? [];
    const date = `@${time} +0000`;
    return {
      GIT_AUTHOR_NAME: name,
      GIT_AUTHOR_EMAIL: email,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: name,
      GIT_COMMITTER_EMAIL: email,
      GIT_COMMITTER_DATE: date,
    };
  }
}

/** Returns the path of a line of `git status --porcelain=v2`. Undefined if it is a header. */
function changedPath(line: string): string | undefined {
  if (line.startsWith('#')) return undefined;
  // The fields before the path: of untracked, renamed, unmerged and other files.
  const fields = { '?': 1, '2': 9, u: 10 }[line.charAt(0)] ?? 8;
  return line.split(' ').slice(fields).join(' ').replace(/\t.*$/u, '');
}

/** Returns the lines of an output that are not empty. */
export function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}
