import { describe, expect, it } from 'vitest';

import type { Descriptor } from '../../src/oci/descriptor.js';
import { digestOf } from '../../src/oci/digest.js';
import { documentDescriptor } from '../../src/oci/document.js';
import type { IndexDocument } from '../../src/oci/document.js';
import { InvalidError } from '../../src/oci/errors.js';
import type { ImageIndex } from '../../src/oci/image-index.js';
import {
  DOCKER_CONFIG,
  DOCKER_LIST,
  DOCKER_MANIFEST,
  OCI_CONFIG,
  OCI_INDEX,
  OCI_MANIFEST,
  isIndexType,
} from '../../src/oci/media-type.js';
import { parseDocument } from '../../src/oci/parse.js';
import { parsePlatform } from '../../src/oci/platform.js';
import type { Platform } from '../../src/oci/platform.js';
import { createIndexDocument, serialiseIndex } from '../../src/oci/serialise.js';
import { validateDocument } from '../../src/oci/validate.js';
import { describeVectors, vectorBytes, vectorJson } from '../support/vectors.js';

interface Vectors {
  readonly ambiguous_documents: readonly {
    readonly fixture: string;
    readonly add_top_level?: Readonly<Record<string, unknown>>;
    readonly parse_as?: 'index or list' | 'index';
    readonly declared?: string;
    readonly recognised_as?: string;
    readonly accepted?: boolean;
    readonly error?: string | boolean;
  }[];
  readonly content_type_vs_body: readonly {
    readonly system: 'containerd' | 'distribution';
    readonly content_type: string;
    readonly body_mediaType?: string;
    readonly body?: string;
    readonly accepted: boolean;
  }[];
  readonly digest_checks: readonly { readonly system: string; readonly case: string }[];
  readonly list_conversion: readonly {
    readonly name: string;
    readonly source_type: string;
    readonly preferred?: string;
    readonly forced_to_oci?: { readonly preferred: string };
    readonly error?: boolean;
  }[];
  readonly platform_field_rules: readonly { readonly rule: string }[];
  readonly assembly_goldens: readonly {
    readonly system: string;
    readonly children?: readonly string[];
    readonly annotations?: Readonly<Record<string, string>>;
    readonly index_digest?: string;
    readonly index_file?: string;
    readonly index_text?: string;
  }[];
}

const digest = digestOf(Buffer.from('a'));

/** A document with the members of this media type and with its mediaType. */
function bodyOf(mediaType: string): Readonly<Record<string, unknown>> {
  const config = { mediaType: mediaType === DOCKER_MANIFEST ? DOCKER_CONFIG : OCI_CONFIG, digest, size: 1 };
  return mediaType.includes('list') || mediaType.includes('index')
    ? { schemaVersion: 2, mediaType, manifests: [] }
    : { schemaVersion: 2, mediaType, config, layers: [] };
}

function isRead(value: unknown, mediaType: string): boolean {
  try {
    parseDocument(Buffer.from(JSON.stringify(value)), { mediaType });
    return true;
  } catch (error) {
    if (error instanceof InvalidError) return false;
    throw error;
  }
}

/** An index as other tools order its members: digest before size, and the rest as it is. */
function reordered({ bytes }: IndexDocument): unknown {
  const index = JSON.parse(Buffer.from(bytes).toString('utf8')) as { manifests: Descriptor[] };
  const manifests = index.manifests.map(({ mediaType, digest: of, size, ...others }) => ({
    mediaType,
    digest: of,
    size,
    ...others,
  }));
  return { ...index, manifests };
}

function readIndex(file: string): IndexDocument {
  const document = parseDocument(vectorBytes(file));
  if (document.kind !== 'index') throw new Error(`${file} is not an index`);
  return document;
}

/** The platform in the config of one of oras's images, from the name of its file. */
function platformOf(file: string): Platform {
  const name = /oras-child-(\w+)\.json/.exec(file)?.[1] ?? '';
  return parsePlatform(`linux/${name.replace('armv7', 'arm/v7')}`);
}

/** An index of images, as `create` would make it. */
function assemble(children: readonly string[]): IndexDocument {
  const manifests = children.map((file) => ({
    ...documentDescriptor(parseDocument(vectorBytes(file))),
    platform: platformOf(file),
  }));
  return createIndexDocument({ schemaVersion: 2, mediaType: OCI_INDEX, manifests });
}

/** Through the bytes and back, under another media type. */
function converted(index: ImageIndex, mediaType: string): ImageIndex {
  const document = parseDocument(serialiseIndex({ ...index, mediaType }), { mediaType });
  if (document.kind !== 'index') throw new Error('not an index');
  return document.value;
}

describeVectors('index-ops.json', () => {
  const vectors = vectorJson<Vectors>('index-ops.json');

  describe('ambiguous_documents', () => {
    it.each(vectors.ambiguous_documents.map((row, number) => ({ ...row, number })))(
      '$number: $fixture',
      (row) => {
        const value = JSON.parse(vectorBytes(row.fixture).toString('utf8')) as Record<string, unknown>;
        const body = { ...value, ...row.add_top_level };
        const claims = { 'index or list': [OCI_INDEX, DOCKER_LIST], index: [OCI_INDEX] };
        const asked = row.parse_as === undefined ? [row.declared ?? ''] : claims[row.parse_as];
        const isExpected = row.error === undefined;
        for (const claim of asked) expect(isRead(body, claim)).toBe(isExpected);
        if (row.recognised_as !== undefined) {
          expect(parseDocument(vectorBytes(row.fixture)).mediaType).toBe(row.recognised_as);
        }
      },
    );
  });

  describe('content_type_vs_body', () => {
    const { mediaType: _1, ...manifest } = bodyOf(OCI_MANIFEST);
    const { mediaType: _2, ...index } = bodyOf(OCI_INDEX);
    const bodies: Readonly<Record<string, unknown>> = {
      'has config+layers, no mediaType': manifest,
      'has manifests[], no mediaType': index,
      '{"fsLayers":["1"]}': { fsLayers: ['1'] },
    };
    const numbered = vectors.content_type_vs_body.map((row, number) => ({ ...row, number }));

    it.each(numbered.filter(({ system }) => system === 'containerd'))(
      'containerd, a client that reads: $number $content_type, $body_mediaType$body',
      (row) => {
        const body = row.body_mediaType === undefined ? bodies[row.body ?? ''] : bodyOf(row.body_mediaType);
        expect(body).toBeDefined();
        expect(isRead(body, row.content_type)).toBe(row.accepted);
      },
    );

    // A list without mediaType is read (as containerd does, above), but never valid.
    it.each(numbered.filter(({ system }) => system === 'distribution'))(
      'distribution, a registry that accepts: $number $content_type, $body_mediaType',
      ({ content_type, body_mediaType, accepted }) => {
        const kind = content_type === DOCKER_LIST ? 'docker-manifest-list' : 'image-index';
        const body = body_mediaType === '' ? index : { ...index, mediaType: body_mediaType };
        expect(validateDocument(kind, body).length === 0).toBe(accepted);
        if (body_mediaType !== '') expect(isRead(body, content_type)).toBe(accepted);
      },
    );
  });

  describe('digest_checks', () => {
    it('digest in the reference differs from body', () => {
      expect(vectors.digest_checks.map((row) => row.case)).toContain(
        'digest in the reference differs from body',
      );
      const bytes = vectorBytes('fixtures/cimage-oci1index.json');
      expect(() => parseDocument(bytes, { digest })).toThrow(`expected ${digest}`);
      expect(parseDocument(bytes, { digest: digestOf(bytes) }).kind).toBe('index');
    });
    // The other row is about the reference that an index is pushed to.
  });

  describe('list_conversion', () => {
    const source = readIndex('fixtures/podman-fedora-index.json');

    // The user or the first entry determines the type of an index, not the types that a registry
    // accepts; so these rows check that neither type loses parts of the entries.
    it.each(vectors.list_conversion.filter((row) => isIndexType(row.source_type) && row.error === undefined))(
      '$name: $source_type',
      ({ source_type, preferred = '', forced_to_oci }) => {
        const given = converted(source.value, source_type);
        expect(given.mediaType).toBe(source_type);
        for (const target of [preferred, forced_to_oci?.preferred ?? '']) {
          expect(converted(given, target)).toEqual({ ...given, mediaType: target });
        }
      },
    );

    it('special→OCI: a source of an unknown type is rejected', () => {
      const rows = vectors.list_conversion.filter((row) => !isIndexType(row.source_type));
      expect(rows.map(({ name, source_type }) => `${name} ${source_type}`)).toEqual([
        'special→OCI unrecognized',
      ]);
      expect(isRead({ ...bodyOf(OCI_INDEX), mediaType: 'unrecognized' }, '')).toBe(false);
    });

    it('destination supports only schema1: an index is never converted to it', () => {
      expect(vectors.list_conversion.filter((row) => row.error)).toHaveLength(1);
    });
  });

  describe('platform_field_rules', () => {
    it('fedora.index survives index→list→index, and a list survives the reverse', () => {
      expect(vectors.platform_field_rules).toHaveLength(1);
      const index = converted(readIndex('fixtures/podman-fedora-index.json').value, OCI_INDEX);
      expect(converted(converted(index, DOCKER_LIST), OCI_INDEX)).toEqual(index);
      const list = readIndex('fixtures/cimage-v2list-everything.json').value;
      expect(converted(converted(list, OCI_INDEX), DOCKER_LIST)).toEqual(list);
    });
  });

  describe('assembly_goldens', () => {
    const oras = vectors.assembly_goldens.filter(({ system }) => system === 'oras');

    // oras and others write no white space, or digest before size: in their layout, our result equals theirs.
    it.each(oras)('oras: $children', ({ children = [], index_digest, index_file }) => {
      const written = Buffer.from(JSON.stringify(reordered(assemble(children))));
      if (index_digest !== undefined) expect(digestOf(written)).toBe(index_digest);
      if (index_file !== undefined) expect(written.equals(vectorBytes(index_file))).toBe(true);
      expect(index_digest ?? index_file).toBeDefined();
    });

    it('go-containerregistry', () => {
      const row = vectors.assembly_goldens.find(({ system }) => system === 'go-containerregistry');
      const index = createIndexDocument({
        schemaVersion: 2,
        manifests: [],
        annotations: row?.annotations ?? {},
      });
      expect(JSON.stringify(JSON.parse(Buffer.from(index.bytes).toString('utf8')))).toBe(row?.index_text);
    });

    it('distribution', () => {
      const file = vectors.assembly_goldens.find(({ system }) => system === 'distribution')?.index_file ?? '';
      const again = createIndexDocument(readIndex(file).value);
      expect(JSON.stringify(reordered(again), null, 3)).toBe(vectorBytes(file).toString('utf8'));
    });

    it('docker/cli, byte for byte', () => {
      const file = vectors.assembly_goldens.find(({ system }) => system === 'docker/cli')?.index_file ?? '';
      const again = createIndexDocument(readIndex(file).value);
      expect(`${Buffer.from(again.bytes).toString('utf8')}\n`).toBe(vectorBytes(file).toString('utf8'));
    });
  });
});
