import { REPOSITORY } from './changelog.js';
import type { ReleaseFile } from './checksums.js';
import type { Dependency } from './dependencies.js';

/** How a release was built. */
export interface Build {
  readonly version: string;
  /** The commit of the release. */
  readonly commit: string;
  /** The versions of the programs whose output is in the files, such as `{ node: 'v24.1.0' }`. */
  readonly tools: Readonly<Record<string, string>>;
  /** In addition to the commit. */
  readonly dependencies: readonly Dependency[];
}

/**
 * Returns the provenance of release files: an in-toto Statement v1 with a SLSA Provenance v1 predicate. It is not signed, and says
 * how to build the same bytes. It has no time and no name of a machine, so that equal builds give equal bytes.
 */
export function provenance(files: readonly ReleaseFile[], build: Build): unknown {
  const { version, commit, tools, dependencies } = build;
  const documentation = `${REPOSITORY}/blob/v${version}/docs/releasing.md`;
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: files.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: `${documentation}#the-build`,
        externalParameters: { version, source: `git+${REPOSITORY}@refs/tags/v${version}` },
        internalParameters: { tools },
        resolvedDependencies: [
          { uri: `git+${REPOSITORY}@refs/tags/v${version}`, digest: { gitCommit: commit } },
          ...dependencies,
        ],
      },
      runDetails: { builder: { id: `${documentation}#the-builder` } },
    },
  };
}
