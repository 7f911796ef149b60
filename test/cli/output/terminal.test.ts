import { PassThrough, Writable } from 'node:stream';

import { describe, expect, it } from 'vitest';

import { main } from '../../../src/cli/main.js';
import { mayColor } from '../../../src/cli/output/terminal.js';
import { VERSION } from '../../../src/version.js';

/** A stream that fails every write. */
function broken(code: string): Writable {
  return new Writable({
    write: (_chunk, _encoding, callback) => callback(Object.assign(new Error(`${code}: it broke`), { code })),
  });
}

async function run(argv: readonly string[], streams: { stdout?: Writable; stderr?: Writable }) {
  const shown = new PassThrough();
  const { stdout = new PassThrough(), stderr = shown } = streams;
  const code = await main(argv, { stdout, stderr, stdin: new PassThrough(), env: {} });
  return { code, stderr: String((shown.read() as Buffer | null) ?? '') };
}

describe('standard output', () => {
  it.each([[['--version']], [['--help']]])('closed by its reader is not a failure: %j', async (argv) => {
    expect(await run(argv, { stdout: broken('EPIPE') })).toEqual({ code: 0, stderr: '' });
  });

  it.each([[['--version']], [['--help']]])('that fails to write fails the run: %j', async (argv) => {
    expect(await run(argv, { stdout: broken('ENOSPC') })).toEqual({
      code: 1,
      stderr: 'error: cannot write the result to standard output: ENOSPC: it broke\n',
    });
  });

  it('is flushed before the exit code is returned', async () => {
    const written: string[] = [];
    const stdout = new Writable({
      write: (chunk, _encoding, callback) => {
        setImmediate(() => {
          written.push(String(chunk));
          callback();
        });
      },
    });
    await run(['--version'], { stdout });
    expect(written.join('')).toBe(`multiarch ${VERSION}\n`);
  });
});

describe('standard error', () => {
  it.each(['EPIPE', 'ENOSPC'])('that fails to write does not change the exit code: %s', async (code) => {
    expect((await run(['frobnicate'], { stderr: broken(code) })).code).toBe(125);
  });
});

describe('mayColor', () => {
  it.each([
    [true, {}, true],
    [true, { TERM: 'xterm' }, true],
    [true, { NO_COLOR: '' }, true],
    [true, { NO_COLOR: '1' }, false],
    [true, { NO_COLOR: '0' }, false],
    [true, { TERM: 'dumb' }, false],
    [false, {}, false],
    [undefined, {}, false],
  ])('isTTY %s, env %j: %s', (isTTY, env, colored) => {
    expect(mayColor(isTTY === undefined ? {} : { isTTY }, env)).toBe(colored);
  });
});
