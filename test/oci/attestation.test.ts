import { expect, it } from 'vitest';
import { attestation, digest, image } from '../support/drafts.js';
import { attestedDigest, imagePlatforms, isAttestation } from '../../src/oci/attestation.js';

const amd64 = image('amd64', 'linux/amd64').descriptor;
const attested = attestation('amd64').descriptor;

it('distinguishes an attestation from its image', () => {
  expect([amd64, attested].map(isAttestation)).toEqual([false, true]);
  expect([amd64, attested].map(attestedDigest)).toEqual([undefined, digest('amd64')]);
});

it('returns no digest for other entries', () => {
  const odd = { ...amd64, annotations: { 'vnd.docker.reference.digest': digest('other') } };
  expect(attestedDigest(odd)).toBeUndefined();
});

it('returns the platforms of images only, in order', () => {
  const claims = { ...attested, platform: { os: 'linux', architecture: 's390x' } };
  const arm64 = image('arm64', 'linux/arm64').descriptor;
  const platforms = imagePlatforms([arm64, attested, claims, image('none').descriptor, amd64]);
  expect(platforms).toEqual([arm64.platform, amd64.platform]);
});
