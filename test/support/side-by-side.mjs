/**
 * Runs npm scripts at the same time: `node test/support/side-by-side.mjs SCRIPT...`. Prints the output of each when it has
 * ended. The exit code is 1 if one failed; the others run to their end.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';

const scripts = process.argv.slice(2);
const results = await Promise.all(
  scripts.map(async (script) => {
    const child = spawn(`npm run ${script} 2>&1`, { shell: true, stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise((resolve) => child.once('close', resolve));
    process.stdout.write(await text(child.stdout));
    return { script, code: await ended };
  }),
);
for (const { script, code } of results) {
  if (code === 0) continue;
  console.error(`npm run ${script} ended with ${code}`);
  process.exitCode = 1;
}
