// `npm run measure:dependencies`: measures what docs/dependencies.md states. The texts are written by hand.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';

import { format } from 'prettier';

import { readDependencies, sizeText, tableRows, TABLES } from './dependencies.js';
import { root } from './markdown.js';

const path = `${root}docs/dependencies.md`;
let text = readFileSync(path, 'utf8');
const { direct, indirect } = readDependencies();

for (const { name, bytes, license } of direct) {
  const row = tableRows(text, TABLES.direct).find(([cell]) => cell === `\`${name}\``);
  if (row === undefined) throw new Error(`docs/dependencies.md has no row for ${name}`);
  const [first, why, , , , replacement] = row;
  const cells = [first, why, sizeText(bytes), lastRelease(name), license, replacement];
  const line = text.split('\n').find((each) => each.startsWith(`| ${first} `)) ?? '';
  text = text.replace(line, () => `| ${cells.join(' | ')} |`);
}
const rows = indirect.map(({ name, bytes, license, neededBy }) => {
  const users = neededBy.map((user) => `\`${user}\``).join(', ');
  return `| \`${name}\` | ${users} | ${sizeText(bytes)} | ${license} |\n`;
});
text = text.replace(/(?<=\| package *\| needed by .*\n.*\n)(?:\|.*\n)*/, () => rows.join(''));
text = text.replace(/(?<=measured on )[\d-]+/, new Date().toISOString().slice(0, 10));
writeFileSync(path, await format(text, { parser: 'markdown', printWidth: 110 }));

/** Returns the date of the newest version in the registry. */
function lastRelease(name: string): string {
  const output = execFileSync('npm', ['view', name, 'version', 'time', '--json'], { encoding: 'utf8' });
  const { version, time } = JSON.parse(output) as { version: string; time: Record<string, string> };
  return time[version]?.slice(0, 10) ?? '';
}
