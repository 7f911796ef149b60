/** Writes the man pages to `man`: `npm run man`. */
import { readdirSync, rmSync, writeFileSync } from 'node:fs';

import { manPages } from './man-pages.js';

for (const name of readdirSync('man')) if (name.endsWith('.1')) rmSync(`man/${name}`);
for (const [name, text] of await manPages()) writeFileSync(`man/${name}`, text);
