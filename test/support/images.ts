import { tinyImage, tinyIndex } from './tiny-image.mjs';

/** The images and indexes of most tests. {@link tinyImage} makes others. */
export const amd64 = tinyImage({ architecture: 'amd64' });
export const arm64 = tinyImage({ architecture: 'arm64' });
export const armv7 = tinyImage({ architecture: 'arm', variant: 'v7' });
export const s390x = tinyImage({ architecture: 's390x' });

/** An index of amd64 and arm64. */
export const pair = tinyIndex([amd64, arm64]);

/** As {@link pair}, with one attestation for each image. */
export const attested = tinyIndex([amd64, arm64], { attestations: true });
