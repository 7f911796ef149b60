/** Prints where a version is published, as outputs of a step of GitHub Actions: `npm run release:channel -- vX.Y.Z`. */
import { channelOf } from './channel.js';
import { ROOT } from './checkout.js';
import { runMain } from './main.js';
import { ReleaseError } from './release-error.js';
import { Repository } from './repository.js';

await runMain(async ([tag, ...others]) => {
  if (tag === undefined || others.length > 0) throw new ReleaseError('one argument is required: the tag');
  const version = tag.replace(/^v/u, '');
  const { released } = await new Repository(ROOT).releases();
  const { npmTag, imageTags, prerelease, latest } = channelOf(version, [...released.keys()]);
  const lines = {
    version,
    'npm-tag': npmTag,
    'image-tags': imageTags.join(' '),
    'release-flags': prerelease ? '--prerelease' : `--latest=${latest}`,
  };
  for (const [name, value] of Object.entries(lines)) console.log(`${name}=${value}`);
});
