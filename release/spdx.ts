import { createHash } from 'node:crypto';

import { REPOSITORY } from './changelog.js';

/** A component of a CycloneDX document, as `build.mjs` writes it. */
interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly licenses: readonly (
    { readonly license: { readonly id: string } } | { readonly expression: string }
  )[];
  readonly purl: string;
  readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
}

/** A CycloneDX document, as `build.mjs` writes it to `dist/sbom.cdx.json`. */
export interface Cyclonedx {
  readonly metadata: { readonly component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

/**
 * Returns an SPDX 2.3 document with the packages, licences, hashes and dependencies of a CycloneDX document.
 *
 * @param sourceDate the time of creation, in seconds since 1970
 */
export function toSpdx(cyclonedx: Cyclonedx, sourceDate: number): unknown {
  const { component: own } = cyclonedx.metadata;
  const ids = spdxIds([own, ...cyclonedx.components]);
  const id = (ref: string): string => {
    const found = ids.get(ref);
    if (found === undefined) throw new Error(`the CycloneDX document has no component ${ref}`);
    return found;
  };
  const digest = createHash('sha256').update(JSON.stringify(cyclonedx)).digest('hex');
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name: `${own.name}-${own.version}`,
    // Has to be unique for each document, and need not exist.
    documentNamespace: `${REPOSITORY}/spdx/${own.name}-${own.version}-${digest}`,
    creationInfo: {
      created: new Date(sourceDate * 1000).toISOString().replace('.000Z', 'Z'),
      creators: [`Tool: ${own.name}-build-${own.version}`, 'Organization: The multiarch maintainers'],
    },
    packages: [
      { ...packageOf(own, id(own['bom-ref'])), primaryPackagePurpose: 'APPLICATION' },
      ...cyclonedx.components.map((component) => ({
        ...packageOf(component, id(component['bom-ref'])),
        primaryPackagePurpose: 'LIBRARY',
      })),
    ],
    relationships: [
      relationship('SPDXRef-DOCUMENT', 'DESCRIBES', id(own['bom-ref'])),
      ...cyclonedx.dependencies.flatMap(({ ref, dependsOn }) =>
        dependsOn.map((other) => relationship(id(ref), 'DEPENDS_ON', id(other))),
      ),
    ],
  };
}

/** Returns an identifier for each component: letters, digits, `.` and `-` only (SPDX 2.3, section 7.2). */
function spdxIds(components: readonly Component[]): ReadonlyMap<string, string> {
  return new Map(
    components.map(({ 'bom-ref': ref, name, version }, index) => [
      ref,
      // Names that differ in other characters only get different numbers.
      `SPDXRef-Package-${index}-${`${name}-${version}`.replaceAll(/[^A-Za-z0-9.-]+/gu, '-').replace(/^-/u, '')}`,
    ]),
  );
}

function packageOf({ name, version, licenses, purl, hashes = [] }: Component, id: string): object {
  const [licence] = licenses;
  return {
    SPDXID: id,
    name,
    versionInfo: version,
    downloadLocation: `https://registry.npmjs.org/${name}/-/${name.replace(/^.*\//u, '')}-${version}.tgz`,
    filesAnalyzed: false,
    ...(hashes.length === 0
      ? {}
      : {
          checksums: hashes.map(({ alg, content }) => ({
            algorithm: alg.replace('SHA-', 'SHA'),
            checksumValue: content,
          })),
        }),
    licenseConcluded: 'NOASSERTION',
    licenseDeclared:
      licence === undefined ? 'NOASSERTION' : 'license' in licence ? licence.license.id : licence.expression,
    copyrightText: 'NOASSERTION',
    externalRefs: [{ referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: purl }],
  };
}

function relationship(from: string, type: string, to: string): object {
  return { spdxElementId: from, relationshipType: type, relatedSpdxElement: to };
}
