/**
 * Publishes one index for the images of two architectures, and reports which tags moved.
 *
 * Usage: node publish.js IMAGE VERSION
 */
import { Multiarch, MultiarchError } from 'multiarch';

const [image = 'registry.example.com/team/app', version = '1.2'] = process.argv.slice(2);

const client = new Multiarch({
  onEvent: (event) => {
    if (event.kind === 'tagged') console.log(`${event.tag}: ${event.outcome}`);
  },
});
try {
  const { publication } = await client.createAndPush(
    `${image}:${version}`,
    [`${image}:${version}-amd64`, `${image}:${version}-arm64`],
    { tags: ['latest'] },
  );
  console.log(publication.descriptor.digest);
} catch (error) {
  if (!(error instanceof MultiarchError)) throw error;
  console.error(`${error.kind}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await client.close();
}
