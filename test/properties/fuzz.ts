/**
 * Runs the properties with generated input for a time or a number of cases:
 * `npm run fuzz -- MINUTES [--target NAME] [--seed SEED]`, or `--cases N` of each target instead of the minutes.
 *
 * Ends with exit code 1 and the counter-example when a property does not hold.
 */
import { parseArgs } from 'node:util';

import type { Property, Target } from './property.js';
import { TARGETS } from './targets/index.js';

/** The work on one target. */
interface Progress {
  readonly target: Target;
  readonly outcomes: Map<string, number>;
  cases: number;
  /** In milliseconds. */
  time: number;
  batches: number;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { target: { type: 'string' }, seed: { type: 'string' }, cases: { type: 'string' } },
});
const minutes = Number(positionals[0] ?? (values.cases === undefined ? 1 : Infinity));
const wanted = Number(values.cases ?? Infinity);
const firstSeed = Number(values.seed ?? Date.now() % 1_000_000_000);
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
const isUsable = positionals.length <= 1 && minutes > 0 && wanted > 0 && Number.isInteger(firstSeed);
if (!isUsable || chosen.length === 0) {
  console.error('usage: npm run fuzz -- MINUTES|--cases N [--target NAME] [--seed SEED]');
  console.error(`targets: ${TARGETS.map(({ name }) => name).join(', ')}`);
  process.exitCode = 125;
} else {
  console.log(`seed ${firstSeed}`);
  const works = chosen.map((target): Progress => ({
    target,
    outcomes: new Map(),
    cases: 0,
    time: 0,
    batches: 0,
  }));
  const closes: (() => Promise<void>)[] = [];
  for (const { open } of chosen) if (open !== undefined) closes.push(await open());
  try {
    process.exitCode = await fuzz(works);
  } finally {
    for (const close of closes.toReversed()) await close();
  }
  report(works);
}

/** Gives all targets the same time, until it is over or all have their cases. Returns the exit code. */
async function fuzz(works: readonly Progress[]): Promise<number> {
  const end = performance.now() + minutes * 60_000;
  for (let work = next(works); work !== undefined && performance.now() < end; work = next(works)) {
    const { properties, name } = work.target;
    const runnable = properties.filter(({ needs }) => needs === undefined);
    const property = runnable[work.batches % runnable.length];
    if (property === undefined) throw new Error(`${name} has no properties`);
    // The first round of batches has the seed that was given, so that it repeats a failure.
    const seed = firstSeed + Math.floor(work.batches / runnable.length);
    if (!(await runBatch(work, property, seed))) return 1;
  }
  return 0;
}

/** The target with the least time that still needs cases. */
function next(works: readonly Progress[]): Progress | undefined {
  return works
    .filter(({ cases }) => cases < wanted)
    .reduce<Progress | undefined>(
      (least, work) => (least !== undefined && least.time <= work.time ? least : work),
      undefined,
    );
}

/** Reports whether the property held. */
async function runBatch(work: Progress, property: Property, seed: number): Promise<boolean> {
  const startedAt = performance.now();
  const { name } = work.target;
  const description = `${name}: ${property.title}`;
  const repeat = `Repeat it with: npm run fuzz -- 1 --target ${name} --seed ${seed}\n`;
  // An exception outside of the property ends the process. It is printed after this.
  const onCrash = (): void => console.error(`\n${description}\n${repeat}`);
  process.once('uncaughtExceptionMonitor', onCrash);
  const { cases, outcomes, failure } = await property.run(seed);
  process.off('uncaughtExceptionMonitor', onCrash);
  work.time += performance.now() - startedAt;
  work.cases += cases;
  work.batches += 1;
  for (const [outcome, count] of outcomes) {
    work.outcomes.set(outcome, (work.outcomes.get(outcome) ?? 0) + count);
  }
  if (failure === undefined) return true;
  console.error(`\n${description}\n${failure}\n${repeat}`);
  return false;
}

function report(works: readonly Progress[]): void {
  for (const { target, cases, time, outcomes } of works) {
    const shares = [...outcomes].map(([name, count]) => `${name} ${count}`).join(', ');
    const count = cases.toLocaleString('en').padStart(12);
    console.log(
      `${target.name.padEnd(16)}${count} cases ${(time / 1000).toFixed(0).padStart(6)} s  ${shares}`,
    );
  }
}
