import { setTimeout as sleep } from 'node:timers/promises';

import { expect, it } from 'vitest';

import {
  Budget,
  charge,
  currentBudget,
  runLimits,
  withBudget,
  withoutBudget,
} from '../../src/content/budget.js';
import { ArgumentError, InvalidError, LimitError } from '../../src/oci/errors.js';
import { thrownBy } from '../support/failure.js';

const budgetOf = (requests: number): Budget => new Budget(runLimits({ requests }));
const request = (): void => charge('requests', 1, () => 'GET https://registry.example.com/v2/');

it('stops the work that needs more than its limit, with what it was about to do', () => {
  const error = withBudget(budgetOf(2), () => {
    request();
    request();
    return thrownBy(request, LimitError);
  });
  expect(error).toMatchObject({
    kind: 'failed',
    message:
      'this run needs more than 2 requests, its limit; it stopped at GET https://registry.example.com/v2/',
    hint: 'If you trust the content, raise the limit with --limit requests=4 (in the library: the option limits).',
  });
});

it.each([
  ['metadata', 300 << 20, 'bytes of metadata', '--limit metadata=512MiB'],
  ['entries', 1_000_001, 'entries', '--limit entries=2000000'],
  ['requests', 50_001, 'requests', '--limit requests=100000'],
] as const)('limits %s by default', (name, amount, unit, flag) => {
  const { message, hint } = withBudget(new Budget(runLimits()), () =>
    thrownBy<LimitError>(() => charge(name, amount, () => 'X')),
  );
  expect(message).toContain(unit);
  expect(hint).toContain(flag);
});

it('is not taken for an error of the content or of one source', () => {
  expect(withBudget(budgetOf(1), () => thrownBy(() => charge('requests', 2, () => '')))).not.toBeInstanceOf(
    InvalidError,
  );
});

it('counts the work of one call together, and that of calls at the same time separately', async () => {
  const call = (): Promise<PromiseSettledResult<void>[]> =>
    withBudget(budgetOf(3), () =>
      Promise.allSettled(
        [1, 2, 3, 4].map(async (milliseconds) => {
          await sleep(milliseconds);
          request();
        }),
      ),
    );
  for (const results of await Promise.all([call(), call()])) {
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
  }
});

it('does not count outside of calls, nor work that is left out', () => {
  expect(currentBudget()).toBeUndefined();
  for (let time = 0; time < 10; time += 1) request();
  withBudget(budgetOf(1), () => {
    withoutBudget(() => {
      for (let time = 0; time < 10; time += 1) request();
    });
    request();
  });
});

it.each([0, -1, 1.5, Number.NaN, Infinity])('rejects the limit %s', (requests) => {
  expect(() => runLimits({ requests })).toThrow(ArgumentError);
});
