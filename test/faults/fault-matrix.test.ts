import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { CELLS, FAULT_NAMES, type Cell } from './matrix/cells.js';
import { FAULTS, type Fault } from './matrix/faults.js';
import { OPERATIONS, type Operation, type OperationName } from './matrix/operations.js';
import { withFaultMatrix } from './matrix/reliability-page.js';
import { runCell, TAGS, type CellResult } from './matrix/run-cell.js';

const healthy = new Map<string, Promise<CellResult>>();

/** Returns the run of an operation's command without a fault. */
function healthyRun(operation: OperationName): Promise<CellResult> {
  const { command, refreshToken = false }: Operation = OPERATIONS[operation];
  const key = `${command} ${refreshToken}`;
  const run = healthy.get(key) ?? runCell(operation);
  healthy.set(key, run);
  run.catch(() => healthy.delete(key));
  return run;
}

/** What every run must keep, whatever its outcome. */
function checkInvariants(result: CellResult, { outcome }: Cell): void {
  const text = result.stdout + result.stderr;
  expect(result.missing, 'what a tag refers to and the registry lacks').toEqual([]);
  expect(
    result.secrets.filter((secret) => result.elsewhere.includes(secret) || text.includes(secret)),
    'secrets that another server or the output has',
  ).toEqual([]);
  expect(result.openSessions, 'upload sessions left open').toBe(outcome.sessions ?? 0);
  expect(
    result.files.filter((file) => !file.endsWith('.history')),
    'files left behind',
  ).toEqual([]);
  expect(text).not.toMatch(/bug in multiarch|\n {4}at /);
}

/** The tags that have the new index. All others must have the old one. */
function movedTags(result: CellResult, reference: CellResult): string[] {
  const moved = TAGS.filter((tag) => result.tags[tag] === reference.tags[tag]);
  for (const tag of TAGS) if (!moved.includes(tag)) expect(result.tags[tag]).toBe(result.oldDigest);
  return moved;
}

/** The lines about requests that wait, of which there are as many as the fault causes. */
const WAIT = /; (retrying in|all requests wait for) [\d.]+ m?s$|; at most \d+ requests? at once from now on$/;

async function check(cell: Cell): Promise<void> {
  const { fault, operation, outcome } = cell;
  const reference = await healthyRun(operation);
  const result = await runCell(operation, FAULTS[fault]);
  expect(result.faults, 'requests with the fault').toBeGreaterThan(0);
  const lines = result.stderr.split('\n').filter((line) => !WAIT.test(line));
  const warnings = lines.filter((line) => line.startsWith('warning: '));
  if ('extra' in outcome) {
    expect(result.code, result.stderr).toBe(0);
    expect(result.stdout).toBe(reference.stdout);
    const extra = result.requests.length - reference.requests.length;
    const log = `${extra} more requests:\n${result.requests.join('\n')}`;
    if (outcome.isMost === true) expect(extra, log).toBeLessThanOrEqual(outcome.extra);
    else expect(extra, log).toBe(outcome.extra);
    expect(movedTags(result, reference)).toEqual([...TAGS]);
    const { lasts = 0 }: Fault = FAULTS[fault];
    expect(result.milliseconds).toBeGreaterThanOrEqual(lasts);
    if (outcome.warns === undefined) expect(warnings).toEqual([]);
    else expect(warnings.join('\n')).toContain(outcome.warns);
  } else {
    expect(result.code, result.stderr).toBe(outcome.exit);
    expect(result.stderr).toMatch(/^(?:error|no such manifest): /m);
    expect(result.stderr).toContain(outcome.says);
    const hint = /^hint: .*$/m.exec(result.stderr)?.[0];
    if (outcome.hints === false) expect(hint).toBeUndefined();
    else expect(hint).toContain(outcome.hints ?? 'hint: ');
    expect(movedTags(result, reference)).toEqual([]);
  }
  checkInvariants(result, cell);
}

describe.each(FAULT_NAMES)('%s', (name) => {
  const cells = CELLS.filter(({ fault }) => fault === name);
  it.each(cells.map((cell) => [OPERATIONS[cell.operation].title, cell] as const))('%s', (_title, cell) =>
    check(cell),
  );
});

it('docs/reliability.md shows this table: update it with `npx vitest run test/faults -u`', async () => {
  const path = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));
  const page = await readFile(path, 'utf8');
  await expect(await withFaultMatrix(page, path)).toMatchFileSnapshot(path);
});
