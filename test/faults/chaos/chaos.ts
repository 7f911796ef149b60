/**
 * Runs rounds of commands against a real registry behind proxies that inject faults:
 * `npm run chaos -- --minutes N [--seed SEED] [--lane NUMBER]`.
 *
 * Ends with exit code 1 if anything was not as documented after a round. A lane stops at its first such round.
 */
import { parseArgs } from 'node:util';

import { runChaos } from './run-chaos.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, lane: { type: 'string' } },
});
const minutes = Number(values.minutes ?? 1);
const seed = values.seed ?? String(Date.now() % 1_000_000_000);
if (!(minutes > 0)) {
  console.error('usage: npm run chaos -- --minutes N [--seed SEED] [--lane NUMBER]');
  process.exitCode = 125;
} else {
  console.log(`seed ${seed}`);
  const { summary, failures } = await runChaos({
    seed,
    end: { after: minutes * 60_000 },
    ...(values.lane !== undefined && { lane: Number(values.lane) }),
  });
  for (const { message, lane } of failures) {
    console.error(`\n${message}`);
    console.error(`Repeat it with: npm run chaos -- --minutes ${minutes} --seed ${seed} --lane ${lane}`);
  }
  console.log(summary);
  if (failures.length > 0) process.exitCode = 1;
}
