/**
 * Preloaded into a process (`node --import`): writes the most memory that it ever had resident, in bytes, into the file that
 * MEMORY_REPORT names when it ends.
 */
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.env['MEMORY_REPORT'];
if (file !== undefined) process.on('exit', () => writeFileSync(file, String(mostResident())));

/** Linux hands `maxRSS` on to a child, which so begins with its parent's; VmHWM is the program's own. */
function mostResident() {
  const kibibytes =
    process.platform === 'linux'
      ? /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
      : process.resourceUsage().maxRSS;
  return Number(kibibytes) * 1024;
}
