// The main job from nothing: `npm run quickstart` makes two small images, joins them and publishes the result into an
// image layout directory. `npm run quickstart -- localhost:5000` does the same in a registry. Needs Node and nothing else.
// @ts-check
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const registry = process.argv[2];

if (!existsSync(join(root, 'node_modules'))) run('npm', ['ci', '--no-audit', '--no-fund']);
run('npm', ['run', '--silent', 'build']);

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
  say(`Two images of one architecture each: ${sources.join(' and ')}`);
  multiarch('create', list, ...sources);
  multiarch('annotate', list, 'linux/arm64', '--variant', 'v8');
  multiarch('inspect', list);
  multiarch('push', '--purge', list);
  multiarch('inspect', '--format', 'table', list);
  say(
    registry === undefined
      ? `All of it is in ${work}; skopeo reads it too:`
      : 'Any client takes its own image now:',
  );
  say(
    registry === undefined
      ? `  skopeo inspect oci:${work}/published:1.2`
      : `  docker pull ${registry}/quickstart:1.2`,
  );
}

/**
 * Puts an image of a layout into the registry.
 * @param {string} layout
 * @param {string} reference
 */
function publish(layout, reference) {
  multiarch('create', reference, layout, '--push', '--purge');
  return reference;
}

/**
 * Shows a command, runs it, shows what it prints.
 * @param {...string} args
 */
function multiarch(...args) {
  say(`\n$ multiarch ${args.join(' ')}`);
  const { status } = spawnSync(process.execPath, [join(root, 'bin', 'multiarch.js'), ...args], {
    cwd: work,
    env: { ...process.env, MULTIARCH_STORE: join(work, 'drafts') },
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`multiarch ended with exit code ${status}`);
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
