/**
 * Preloaded into a process (`node --import`): writes the most memory that it ever had resident, in bytes, into the file that
 * MEMORY_REPORT names when it ends.
 */
import { writeFileSync } from 'node:fs';

const file = process.env['MEMORY_REPORT'];
if (file !== undefined) {
  process.on('exit', () => writeFileSync(file, String(process.resourceUsage().maxRSS * 1024)));
}
