import { describe, expect, it } from 'vitest';

import { builtSource, parseBuildMetadata, type BuiltImage } from '../../src/assemble/build-metadata.js';
import { InvalidError } from '../../src/oci/errors.js';
import { parseImageLocation } from '../../src/oci/image-location.js';
import { formatReference } from '../../src/oci/reference.js';
import { thrownBy } from '../support/failure.js';

const [A, B, C] = ['a', 'b', 'c'].map((digit) => `sha256:${digit.repeat(64)}`) as [string, string, string];
const INDEX = 'application/vnd.oci.image.index.v1+json';

/** The files as the tools write them. */
const BUILDX = JSON.stringify(
  {
    'buildx.build.provenance': { builder: { id: '' }, buildType: 'https://mobyproject.org/buildkit@v1' },
    'buildx.build.ref': 'builder/builder0/b8ejhqyh5m2l5n8k3o5t2t1xw',
    'containerimage.config.digest': C,
    'containerimage.descriptor': {
      mediaType: INDEX,
      digest: A,
      size: 1609,
      annotations: { 'config.digest': C, 'org.opencontainers.image.created': '2026-02-08T21:28:03Z' },
    },
    'containerimage.digest': A,
    'image.name': 'docker.io/acme/app:1.2-amd64,ghcr.io/acme/app:1.2-amd64',
  },
  null,
  2,
);
const BY_DIGEST = JSON.stringify({
  'containerimage.descriptor': { mediaType: INDEX, digest: A, size: 1609 },
  'containerimage.digest': A,
  'image.name': 'ghcr.io/acme/app',
});
const BUILDCTL = JSON.stringify({ 'containerimage.config.digest': C, 'containerimage.digest': A });
const IMAGETOOLS = JSON.stringify({
  'containerimage.descriptor': { mediaType: INDEX, digest: A, size: 1609 },
  'image.name': 'ghcr.io/acme/app',
});
const BAKE = JSON.stringify({
  'buildx.build.warnings': [{ vertex: A, level: 1, short: 'VGVzdA==' }],
  amd64: { 'buildx.build.ref': 'b/b0/1', 'containerimage.digest': A, 'image.name': 'ghcr.io/acme/app:amd64' },
  arm64: { 'buildx.build.ref': 'b/b0/2', 'containerimage.digest': B, 'image.name': 'ghcr.io/acme/app:arm64' },
});
const JIB = JSON.stringify({
  image: 'gcr.io/project/image:tag',
  imageId: C,
  imageDigest: A,
  tags: ['latest', 'tag'],
  imagePushed: true,
});
const JIB_OLD = JSON.stringify({ image: 'gcr.io/project/image:tag', imageId: C, imageDigest: A });
const ACTION = JSON.stringify({
  tags: ['ghcr.io/acme/app:1.2', 'acme/app:latest'],
  'tag-names': ['1.2', 'latest'],
  labels: { 'org.opencontainers.image.title': 'app' },
  annotations: ['manifest:org.opencontainers.image.title=app', 'index-descriptor:a=b'],
});

function imagesOf(text: string): unknown[] {
  return parseBuildMetadata(text, 'file').images.map(({ references, ...image }) => ({
    ...image,
    references: references.map(formatReference),
  }));
}

describe('parseBuildMetadata', () => {
  const index = { mediaType: INDEX, size: 1609 };

  it.each([
    [
      'buildx',
      BUILDX,
      [{ digest: A, ...index, references: ['docker.io/acme/app:1.2-amd64', 'ghcr.io/acme/app:1.2-amd64'] }],
    ],
    ['buildx with push-by-digest', BY_DIGEST, [{ digest: A, ...index, references: ['ghcr.io/acme/app'] }]],
    ['buildctl', BUILDCTL, [{ digest: A, references: [] }]],
    ['imagetools', IMAGETOOLS, [{ digest: A, ...index, references: ['ghcr.io/acme/app'] }]],
    [
      'bake',
      BAKE,
      [
        { digest: A, references: ['ghcr.io/acme/app:amd64'] },
        { digest: B, references: ['ghcr.io/acme/app:arm64'] },
      ],
    ],
    ['jib', JIB, [{ digest: A, references: ['gcr.io/project/image:tag'] }]],
    ['jib 2', JIB_OLD, [{ digest: A, references: ['gcr.io/project/image:tag'] }]],
    ['podman --digestfile', A, [{ digest: A, references: [] }]],
    ['with a line feed', `${A}\n`, [{ digest: A, references: [] }]],
    [
      'with a byte order mark and CRLF, as from PowerShell',
      `\uFEFF${A}\r\n`,
      [{ digest: A, references: [] }],
    ],
    [
      'kaniko --image-name-with-digest-file',
      `gcr.io/foo/bar@${A}\nindex.docker.io/bob/image@${A}\n`,
      [{ digest: A, references: [`gcr.io/foo/bar@${A}`, `docker.io/bob/image@${A}`] }],
    ],
    [
      'kaniko --image-name-tag-with-digest-file',
      `gcr.io/foo/bar:123@${A}\n`,
      [{ digest: A, references: [`gcr.io/foo/bar:123@${A}`] }],
    ],
    [
      'ko --image-refs',
      `ko.local/app@${C}\nko.local/app@${A}\nko.local/app@${B}\n`,
      [C, A, B].map((digest) => ({ digest, references: [`ko.local/app@${digest}`] })),
    ],
    [
      'a repository like a prefix',
      `oci:dir@${A}`,
      [{ digest: A, references: [`docker.io/library/oci:dir@${A}`] }],
    ],
  ])('reads the images of %s', (_, text, images) => {
    expect(imagesOf(text)).toEqual(images);
    expect(parseBuildMetadata(text, 'file')).toMatchObject({ tags: [], annotations: [], labels: {} });
  });

  it('reads the tags, annotations and labels of docker/metadata-action', () => {
    expect(parseBuildMetadata(ACTION, 'file')).toEqual({
      images: [],
      tags: ['ghcr.io/acme/app:1.2', 'docker.io/acme/app:latest'],
      annotations: ['manifest:org.opencontainers.image.title=app'],
      labels: { 'org.opencontainers.image.title': 'app' },
    });
    const plain = JSON.stringify({ tags: ['1.2', 'oci:x'], labels: {} });
    expect(parseBuildMetadata(plain, 'file').tags).toEqual(['1.2', 'docker.io/library/oci:x']);
  });

  it.each([
    ['', 'file is empty'],
    [' \n', 'file is empty'],
    ['{}', 'file is not a file of a build tool that is known'],
    ['[]', 'file, line 1: '],
    ['{"target": "app", "images": []}', 'file is not a file of a build tool that is known'],
    ['{"a": {"b": 1}}', 'file is not a file of a build tool that is known'],
    ['{"containerimage.digest": 1', 'file is not JSON: line 1, column 28'],
    [`{"containerimage.digest":"${A}","containerimage.digest":"${B}"}`, 'file is ambiguous: '],
    [
      `{"containerimage.digest":"${A}","imageDigest":"${A}"}`,
      'file can be metadata of buildx build or BuildKit or jib-image.json',
    ],
    [
      '{"imageDigest":"x","tags":["a"],"labels":{}}',
      'file can be jib-image.json or output of docker/metadata-action',
    ],
    ['{"containerimage.digest":"sha256:1"}', 'file: containerimage.digest is not a digest'],
    ['{"containerimage.digest":null}', 'file: containerimage.digest is not a digest'],
    ['{"containerimage.descriptor":{}}', 'file: containerimage.digest is not a digest'],
    [
      `{"containerimage.digest":"${A}","containerimage.descriptor":{"digest":"${B}"}}`,
      `file: containerimage.descriptor is not that of ${A}`,
    ],
    [`{"containerimage.digest":"${A}","image.name":1}`, 'file: image.name is not a string'],
    [`{"containerimage.digest":"${A}","image.name":"../x"}`, 'file: image.name: '],
    [`{"a":{"containerimage.digest":"x"}}`, 'file, target "a": containerimage.digest is not a digest'],
    [
      `{"a":{"containerimage.digest":"${A}"},"b":{"buildx.build.ref":"x"}}`,
      'file, target "b": no image was pushed',
    ],
    [JIB.replace('true', 'false'), 'file: the image was not pushed (imagePushed is false)'],
    [`{"imageDigest":"${A}"}`, 'file: image is not a string'],
    [`{"image":"a","imageDigest":"x"}`, 'file: imageDigest is not a digest'],
    ['{"tags":[1],"labels":{}}', 'file: tags is not a list of strings'],
    ['{"tags":["a b"],"labels":{}}', 'file: tags: invalid reference "a b"'],
    ['{"tags":[],"labels":{"a":1}}', 'file: labels has a value that is not a string'],
    ['{"tags":[],"annotations":["a",1]}', 'file: annotations is not a list of strings'],
    ['gcr.io/foo/bar:1\n', 'file, line 1: "gcr.io/foo/bar:1" has no digest'],
    [`${A}\n\nsome text\n`, 'file, line 3: invalid reference "some text"'],
    [`gcr.io/foo@sha256:1`, 'file, line 1: invalid reference'],
    ['docker.io/app:1', 'file, line 1: "docker.io/app:1" has no digest'],
    [
      Array.from({ length: 1001 }, (_, number) => `sha256:${String(number).padStart(64, '0')}`).join('\n'),
      'file has more than the maximum of 1000 images',
    ],
  ])('rejects %.60j', (text, message) => {
    expect(thrownBy(() => parseBuildMetadata(text, 'file'), InvalidError).message).toContain(message);
  });

  it('lists the kinds of files', () => {
    const { hint } = thrownBy(() => parseBuildMetadata('{"a":1}', 'file'), InvalidError);
    for (const kind of ['buildx', 'bake', 'podman', 'kaniko', 'ko.', 'jib', 'docker/metadata-action', '-f']) {
      expect(hint).toContain(kind);
    }
  });
});

describe('builtSource', () => {
  const image = (text: string): BuiltImage => parseBuildMetadata(text, 'file').images[0] as BuiltImage;
  const repository = parseImageLocation('r.example/x');

  it.each([
    [BUILDX, 'app:1', `docker.io/acme/app@${A}`],
    [BUILDX, 'ghcr.io/acme/app:1', `ghcr.io/acme/app@${A}`],
    [BUILDX, 'oci:dir', `docker.io/acme/app@${A}`],
    [A, 'app:1', `r.example/x@${A}`],
  ])('%.40j for %s', (text, target, source) => {
    expect(builtSource(image(text), parseImageLocation(target), repository).source).toBe(source);
  });

  it('without a repository is a digest in that of the list', () => {
    expect(builtSource(image(A), undefined, undefined)).toEqual({ source: A, descriptor: { digest: A } });
  });

  it('states what is checked, and not the annotations of the exporter', () => {
    const { descriptor } = builtSource(image(BUILDX), undefined, undefined);
    expect(descriptor).toEqual({ digest: A, mediaType: INDEX, size: 1609 });
  });
});
