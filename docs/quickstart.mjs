// The main job from scratch: `npm run quickstart` creates two small images, joins them and publishes the index to an image
// layout directory. `npm run quickstart -- localhost:5000` publishes to a registry. Requires only Node.js.
// @ts-check
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const registry = process.argv[2];

if (!existsSync(join(root, 'node_modules'))) run('npm', ['ci', '--no-audit', '--no-fund']);
run('node', ['build.mjs', 'validators', 'bundle']);

const { tinyImage, writeLayout } = await import('../test/support/tiny-image.mjs');

const work = mkdtempSync(join(tmpdir(), 'multiarch-quickstart-'));
try {
  await quickstart();
} finally {
  if (registry !== undefined) rmSync(work, { recursive: true });
}

async function quickstart() {
  const sources = [];
  for (const architecture of /** @type {const} */ (['amd64', 'arm64'])) {
    await writeLayout(join(work, architecture), tinyImage({ os: 'linux', architecture }), '1.2');
    const layout = `oci:${architecture}:1.2`;
    sources.push(
      registry === undefined ? layout : publish(layout, `${registry}/quickstart:1.2-${architecture}`),
    );
  }
  const list = registry === undefined ? 'oci:published:1.2' : `${registry}/quickstart:1.2`;
  say(`Two single-platform images: ${sources.join(' and ')}`);
  multiarch('create', list, ...sources);
  multiarch('annotate', list, 'linux/arm64', '--variant', 'v8');
  multiarch('inspect', list);
  multiarch('push', '--purge', list);
  multiarch('inspect', '--format', 'table', list);
  say(
    registry === undefined
      ? `Everything is in ${work}. skopeo can read it too:`
      : 'Each client now pulls the image for its platform:',
  );
  say(
    registry === undefined
      ? `  skopeo inspect oci:${work}/published:1.2`
      : `  docker pull ${registry}/quickstart:1.2`,
  );
}

/**
 * Publishes an image of a layout to the registry, and returns its reference.
 * @param {string} layout
 * @param {string} reference
 */
function publish(layout, reference) {
  multiarch('create', reference, layout, '--push');
  return reference;
}

/**
 * Prints a command and runs it.
 * @param {...string} args
 */
function multiarch(...args) {
  say(`\n$ multiarch ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [join(root, 'bin', 'multiarch.js'), ...args], {
    cwd: work,
    env: { ...process.env, MULTIARCH_STORE: join(work, 'drafts') },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`multiarch exited with ${status}`);
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
function run(command, args) {
  execFileSync(command, args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
}

/** @param {string} text */
function say(text) {
  console.log(text);
}
