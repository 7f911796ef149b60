/**
 * Builds the container image from the executables in `dist/release`, and optionally publishes it:
 * `npm run image [-- --push REFERENCE [--tag TAG]...]`.
 */
import { parseArgs } from 'node:util';

import { Multiarch } from '../../src/index.js';
import { buildOfCheckout } from '../checkout.js';
import { buildImage } from './image.js';

const { values } = parseArgs({
  options: { push: { type: 'string' }, tag: { type: 'string', multiple: true, default: [] } },
});
const options = await buildOfCheckout();
const [file = ''] = await buildImage(options);
await using client = new Multiarch();
const image = `oci-archive:${file}:${options.version}`;
const { descriptor } = await client.digest(image);
console.log(`${file}\n${descriptor.digest}`);
if (values.push !== undefined) {
  const { tags } = await client.copy(image, values.push, { tags: values.tag });
  for (const { repository, tag } of tags) console.log(`pushed ${repository}:${tag}`);
}
