import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, it } from 'vitest';

import { leftoversIn } from '../support/leftovers.js';
import type { RunResult } from '../support/run.js';
import { CommandFixture } from './command-fixture.js';
import { SCENARIOS, type KillScenario } from './kill-scenarios.js';

/**
 * `npm run kill` kills each command at each step, and prints a row of docs/reliability.md for each: command, steps, kills that
 * kept the old state, and kills after which the work was done. A normal run kills one
 * command of each kind once, always at the same step.
 */
const everyStep = process.env['MULTIARCH_FAULTS'] === 'full';
/** Each command has at least this number of steps. */
const LEAST_STEPS = 7;
const scenarios = SCENARIOS.filter(({ onlyInFull }) => everyStep || onlyInFull !== true);
const PRELOAD = new URL('../support/kill-at-step.mjs', import.meta.url).href;

let fixture: CommandFixture;
beforeAll(async () => {
  fixture = await CommandFixture.start();
  return () => fixture.remove();
});

/** Runs the command of a scenario in a process that counts its steps. */
function start({ command, stdin = '' }: KillScenario, env: Record<string, string>): Promise<RunResult> {
  return fixture.runProcess(command, { nodeOptions: ['--import', PRELOAD], env, stdin });
}

async function prepare(scenario: KillScenario): Promise<void> {
  await fixture.reset();
  await scenario.prepare?.(fixture);
}

/** Runs the command of a scenario to its end, and returns the names of its steps. */
async function stepsOf(scenario: KillScenario): Promise<readonly string[]> {
  const stepsFile = join(fixture.sandbox.directory, 'steps');
  const { code, stderr } = await start(scenario, { KILL_STEPS_FILE: stepsFile });
  expect(code, stderr).toBe(0);
  const steps = JSON.parse(await readFile(stepsFile, 'utf8')) as string[];
  expect(steps.length).toBeGreaterThanOrEqual(LEAST_STEPS);
  return steps;
}

describe.runIf(process.platform !== 'win32')('a process that is killed', () => {
  it.each(scenarios.map((scenario, index) => ({ ...scenario, scenario, index })))(
    'loses nothing, and the next run finishes: $name',
    async ({ scenario, index }) => {
      const { command, again = command, stdin, codes = [0], states } = scenario;
      await prepare(scenario);
      const before = await states(fixture);
      const steps = everyStep ? await stepsOf(scenario) : [];
      if (!everyStep) expect(await fixture.run(command, stdin)).toMatchObject({ code: 0 });
      const after = await states(fixture);
      expect([...before, ...after].join()).not.toContain('broken');
      expect(await leftoversIn(fixture.root)).toEqual([]);

      let done = 0;
      const numbers = everyStep ? steps.map((_, at) => at + 1) : [1 + ((index * 3) % LEAST_STEPS)];
      for (const number of numbers) {
        const label = `killed at step ${number}, ${steps[number - 1] ?? ''}`;
        await prepare(scenario);
        const killed = await start(scenario, { KILL_AT_STEP: String(number) });
        expect(killed.signal, label).toBe('SIGKILL');

        const found = await states(fixture);
        for (const [part, state] of found.entries()) {
          expect([before[part], after[part]], `${label}: part ${part}`).toContain(state);
        }
        if (found.every((state, part) => state === after[part])) done += 1;

        const { code, stderr } = await fixture.run(again, stdin);
        expect(codes, `${label}: ${stderr}`).toContain(code);
        expect(await states(fixture), label).toEqual(after);
        expect(await leftoversIn(fixture.root), label).toEqual([]);
      }
      if (everyStep) {
        console.log(`| ${scenario.name} | ${numbers.length} | ${numbers.length - done} | ${done} |`);
      }
    },
    everyStep ? 1_200_000 : 120_000,
  );
});
