import { digestAlgorithm, type Digest, type DigestAlgorithm } from '../oci/digest.js';
import { InvalidError } from '../oci/errors.js';

/**
 * The algorithm of a digest that content is to be held to.
 * @throws InvalidError where it is not one of image-spec's registered algorithms (image-spec, "Registered algorithms")
 */
export function verifiableAlgorithm(digest: Digest): DigestAlgorithm {
  const algorithm = digestAlgorithm(digest);
  if (algorithm !== undefined) return algorithm;
  throw new InvalidError(`${digest} cannot be verified: only sha256 and sha512 are known`);
}
