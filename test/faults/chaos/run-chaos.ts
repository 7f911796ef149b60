import { startRegistry } from '../../support/docker-registry.js';
import { Lane, type Tally } from './lane.js';
import { withShortWaits } from './short-waits.js';

/** The number of repositories that are used at the same time. Most of their time is spent waiting. */
const LANES = 6;

/** Rounds would spend nine tenths of their time in waits before retries. */
const SHARE_OF_WAITS = 0.1;

export interface ChaosOptions {
  readonly seed: string;
  /** When a lane ends: after a number of rounds, or of milliseconds. */
  readonly end: { readonly rounds: number } | { readonly after: number };
  /** The only lane to run. @default all */
  readonly lane?: number;
}

export interface ChaosResult {
  /** One line with the figures. */
  readonly summary: string;
  /** A lane stops at its first failure. */
  readonly failures: readonly { readonly lane: number; readonly message: string }[];
}

/** Runs rounds in several lanes against one registry. */
export async function runChaos({ seed, end, lane: only }: ChaosOptions): Promise<ChaosResult> {
  const registry = await startRegistry();
  const startedAt = performance.now();
  const isOver = (rounds: number): boolean =>
    'rounds' in end ? rounds >= end.rounds : performance.now() - startedAt >= end.after;
  const failures: { lane: number; message: string }[] = [];
  const lanes: Lane[] = [];
  try {
    const numbers = Array.from({ length: LANES }, (_, number) => number);
    const run = async (number: number): Promise<void> => {
      const lane = await Lane.open(seed, `lane-${number}`, registry);
      lanes.push(lane);
      try {
        for (let round = 0; !isOver(round); round += 1) await lane.round(round);
      } catch (error) {
        failures.push({ lane: number, message: error instanceof Error ? error.message : String(error) });
      }
    };
    const chosen = numbers.filter((number) => only === undefined || number === only);
    await withShortWaits(SHARE_OF_WAITS, () => Promise.all(chosen.map(run)));
    return { summary: summaryOf(lanes), failures };
  } finally {
    await Promise.all(lanes.map((lane) => lane.close()));
    await registry.stop();
  }
}

function summaryOf(lanes: readonly Lane[]): string {
  const sum = (name: keyof Tally): number => lanes.reduce((total, { tally }) => total + tally[name], 0);
  const faults = new Map<string, number>();
  for (const { proxy } of lanes) {
    for (const [fault, count] of proxy.faults) faults.set(fault, (faults.get(fault) ?? 0) + count);
  }
  const requests = lanes.reduce((total, { proxy }) => total + proxy.requests, 0);
  const all = [...faults.values()].reduce((total, count) => total + count, 0);
  return [
    `${sum('rounds')} rounds, ${sum('commands')} commands: ${sum('succeeded')} succeeded, ${sum('failed')} failed, ${sum('killed')} killed`,
    `${requests} requests, ${all} faults: ${Array.from(faults, ([fault, count]) => `${fault} ${count}`).join(', ')}`,
    `${sum('moved')} tags moved by failed or killed commands, ${sum('sessions')} upload sessions and ${sum('leftovers')} temporary files left`,
  ].join('\n');
}
