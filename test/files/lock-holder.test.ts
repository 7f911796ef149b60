import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';

import { describe, expect, it } from 'vitest';

import { hasExited, parseLockHolder, currentProcess, type LockHolder } from '../../src/files/lock-holder.js';
import { mustRun } from '../support/run.js';

const onLinux = process.platform === 'linux';
const me = await currentProcess();
/** Process numbers end far below this one. */
const unusedPid = 0x7f_ff_ff_ff;
/** A holder on a system without /proc. */
const plain: LockHolder = { pid: me.pid, host: me.host };

describe('currentProcess', () => {
  it('is parsed from its own JSON', () => {
    expect(me).toMatchObject({ pid: process.pid, host: hostname() });
    expect(parseLockHolder(JSON.stringify(me))).toEqual(me);
  });

  it.runIf(onLinux)('has the boot ID, the namespace and the start time of the process', () => {
    expect(me).toMatchObject({
      boot: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      namespace: expect.stringMatching(/^pid:\[\d+\]$/) as string,
      started: expect.stringMatching(/^\d+$/) as string,
    });
  });
});

describe('hasExited', () => {
  it.each<[string, Partial<LockHolder>, boolean]>([
    ['this process', {}, false],
    ['a process that has ended', { pid: unusedPid }, true],
    ['another process of the same number, which started at another time', { started: '1' }, onLinux],
    ['a process of the same machine before it was restarted', { boot: 'before' }, onLinux],
    ['a process of another machine', { boot: 'other', host: 'other', pid: unusedPid }, false],
    ['a process of another container', { namespace: 'pid:[1]', pid: unusedPid }, false],
    ['an ended process of this machine under its former name', { host: 'other', pid: unusedPid }, onLinux],
  ])('%s', async (_, changes, gone) => {
    expect(await hasExited({ ...me, ...changes }, me)).toBe(gone);
  });

  it.each<[string, LockHolder, boolean]>([
    ['a process that runs', plain, false],
    ['a process that has ended', { ...plain, pid: unusedPid }, true],
    ['a process of another machine', { host: 'other', pid: unusedPid }, false],
    ['a process of a machine with a boot ID', { ...plain, boot: 'some', pid: unusedPid }, false],
  ])('where a machine tells nothing but its name: %s', async (_, holder, gone) => {
    expect(await hasExited(holder, plain)).toBe(gone);
  });

  it('a process that has just ended', async () => {
    const pid = Number(await mustRun(process.execPath, ['-p', 'process.pid']));
    expect(await hasExited({ ...plain, pid }, plain)).toBe(true);
  });

  it.runIf(onLinux)('a zombie process', async () => {
    // The shell's child ends once its input does, and the program that the shell has become never asks for it.
    const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [output] = (await once(parent.stdout ?? process.stdin, 'data')) as [Buffer];
    const { started: _, ...here } = me;
    const zombie = { ...here, pid: Number(output.toString()) };
    expect(await hasExited(zombie, me)).toBe(false);
    (parent.stdio[3] as unknown as { destroy: () => void }).destroy();
    await expect.poll(() => hasExited(zombie, me), { timeout: 10_000 }).toBe(true);
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

  it('ignores unknown members', () => {
    const text = '{"pid":7,"host":"h","boot":1,"namespace":[],"started":null,"more":"x"}';
    expect(parseLockHolder(text)).toEqual({ pid: 7, host: 'h' });
  });
});
