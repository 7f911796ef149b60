import { beforeAll, describe, expect, it } from 'vitest';

import { TARGETS } from './targets/index.js';

/** Fixed, so that a failure is due to a change of the code. `npm run fuzz` tries others. */
const SEED = 1;
/** In milliseconds, for a busy machine. */
const TIME_LIMIT = 120_000;

describe.each(TARGETS)('$name', ({ name, properties, open }) => {
  if (open !== undefined) beforeAll(open);

  for (const { title, reaches, needs, run } of properties) {
    it.skipIf(needs !== undefined)(
      needs === undefined ? title : `${title} (needs ${needs})`,
      async () => {
        const { failure, outcomes } = await run(SEED);
        if (failure !== undefined) {
          throw new Error(`${failure}\nRepeat it with: npm run fuzz -- 1 --target ${name} --seed ${SEED}`);
        }
        expect([...outcomes.keys()]).toEqual(expect.arrayContaining([...reaches]));
      },
      TIME_LIMIT,
    );
  }
});
