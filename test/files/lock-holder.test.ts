import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';

import { describe, expect, it } from 'vitest';

import { isGone, parseLockHolder, thisProcess, type LockHolder } from '../../src/files/lock-holder.js';
import { mustRun } from '../support/run.js';

const onLinux = process.platform === 'linux';
const me = await thisProcess();
/** Process numbers end far below this one. */
const nobody = 0x7f_ff_ff_ff;
/** As where there is no /proc. */
const plain: LockHolder = { pid: me.pid, host: me.host };

describe('thisProcess', () => {
  it('is found again in its own text', () => {
    expect(me).toMatchObject({ pid: process.pid, host: hostname() });
    expect(parseLockHolder(JSON.stringify(me))).toEqual(me);
  });

  it.runIf(onLinux)('tells the boot, the namespace and the start of the process', () => {
    expect(me).toMatchObject({
      boot: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      namespace: expect.stringMatching(/^pid:\[\d+\]$/) as string,
      started: expect.stringMatching(/^\d+$/) as string,
    });
  });
});

describe('isGone', () => {
  it.each<[string, Partial<LockHolder>, boolean]>([
    ['this process', {}, false],
    ['a process that has ended', { pid: nobody }, true],
    ['another process of the same number, which started at another time', { started: '1' }, onLinux],
    ['a process of the same machine before it was restarted', { boot: 'before' }, onLinux],
    ['a process of another machine', { boot: 'other', host: 'other', pid: nobody }, false],
    ['a process of another container', { namespace: 'pid:[1]', pid: nobody }, false],
    ['an ended process of this machine under its former name', { host: 'other', pid: nobody }, onLinux],
  ])('%s', async (_, changes, gone) => {
    expect(await isGone({ ...me, ...changes }, me)).toBe(gone);
  });

  it.each<[string, LockHolder, boolean]>([
    ['a process that runs', plain, false],
    ['a process that has ended', { ...plain, pid: nobody }, true],
    ['a process of another machine', { host: 'other', pid: nobody }, false],
    ['a process of a machine that tells its boot', { ...plain, boot: 'some', pid: nobody }, false],
  ])('where a machine tells nothing but its name: %s', async (_, holder, gone) => {
    expect(await isGone(holder, plain)).toBe(gone);
  });

  it('a process that has just ended', async () => {
    const pid = Number(await mustRun(process.execPath, ['-p', 'process.pid']));
    expect(await isGone({ ...plain, pid }, plain)).toBe(true);
  });

  it.runIf(onLinux)('a process that has ended and was not waited for', async () => {
    // The shell's child ends once its input does, and the program that the shell has become never asks for it.
    const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [output] = (await once(parent.stdout ?? process.stdin, 'data')) as [Buffer];
    const { started: _, ...here } = me;
    const zombie = { ...here, pid: Number(output.toString()) };
    expect(await isGone(zombie, me)).toBe(false);
    (parent.stdio[3] as unknown as { destroy: () => void }).destroy();
    await expect.poll(() => isGone(zombie, me), { timeout: 10_000 }).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'close');
  });
});

describe('parseLockHolder', () => {
  it.each([
    '',
    '{',
    'null',
    '[]',
    '"text"',
    '{}',
    '{"pid":1}',
    '{"host":"h"}',
    '{"pid":"1","host":"h"}',
    '{"pid":0,"host":"h"}',
    '{"pid":-1,"host":"h"}',
    '{"pid":1.5,"host":"h"}',
    '{"pid":1,"host":2}',
  ])('knows that %j is none', (text) => {
    expect(parseLockHolder(text)).toBeUndefined();
  });

  it('passes over what it does not know', () => {
    const text = '{"pid":7,"host":"h","boot":1,"namespace":[],"started":null,"more":"x"}';
    expect(parseLockHolder(text)).toEqual({ pid: 7, host: 'h' });
  });
});
