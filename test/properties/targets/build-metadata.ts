import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { builtSource, parseBuildMetadata } from '../../../src/assemble/build-metadata.js';
import { isVerifiableDigest } from '../../../src/oci/digest.js';
import { InvalidError } from '../../../src/oci/errors.js';
import { parseImageLocation } from '../../../src/oci/image-location.js';
import { changedJson } from '../changed-json.js';
import { property, textOf, type Target } from '../property.js';

const DIGEST = `sha256:${'0123456789abcdef'.repeat(4)}`;
const BUILD = {
  'buildx.build.ref': 'builder/builder0/1',
  'containerimage.descriptor': {
    mediaType: 'application/vnd.oci.image.index.v1+json',
    digest: DIGEST,
    size: 7,
  },
  'containerimage.digest': DIGEST,
  'image.name': 'registry.example.com/app:1,app:2',
};
const FILES: readonly object[] = [
  BUILD,
  { app: BUILD, tools: BUILD, 'buildx.build.warnings': [{}] },
  { image: 'registry.example.com/app', imageId: DIGEST, imageDigest: DIGEST, tags: ['1'], imagePushed: true },
  {
    tags: ['registry.example.com/app:1.2', 'latest'],
    labels: { 'org.opencontainers.image.title': 'app' },
    annotations: ['index:a=b', 'manifest:c=d'],
  },
];

/** Checks that an error is typed and names the file, and that what was read can be a source. */
function survives(text: string, target: string | undefined): 'read' | 'rejected' {
  try {
    const { images, tags, annotations, labels } = parseBuildMetadata(text, 'the file', target);
    for (const image of images) {
      const { source } = builtSource(image, undefined, undefined);
      assert(isVerifiableDigest(source) || parseImageLocation(source).transport === 'registry');
    }
    for (const value of [...tags, ...annotations, ...Object.values(labels)])
      assert.equal(typeof value, 'string');
    return 'read';
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    assert(error.message.includes('the file'), error.message);
    return 'rejected';
  }
}

const anyTarget = fc.option(fc.constantFrom('app', 'tools', '__proto__', 'constructor', ''), {
  nil: undefined,
});

/** The files of build tools. */
export const buildMetadata: Target = {
  name: 'build-metadata',
  properties: [
    property(
      'a file with changed values is read or rejected with its name',
      [changedJson(fc.constantFrom(...FILES)), anyTarget],
      (file, target) => survives(JSON.stringify(file), target),
      { batch: 300, reaches: ['read', 'rejected'] },
    ),
    property(
      'any text is read or rejected with its name',
      [
        textOf([
          DIGEST,
          `app@${DIGEST}`,
          'registry.example.com/',
          'app:1',
          '@',
          '\n',
          '\r\n',
          '\uFEFF',
          '{',
          '}',
          '"',
          ' ',
        ]),
        anyTarget,
      ],
      survives,
      { batch: 300, reaches: ['read', 'rejected'] },
    ),
  ],
};
