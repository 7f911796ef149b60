import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { hostname } from 'node:os';

import { describe, expect, it } from 'vitest';

import {
  currentProcess,
  parseProcessIdentity,
  processStatus,
  type ProcessIdentity,
  type ProcessStatus,
} from '../../src/files/process-identity.js';
import { mustRun } from '../support/run.js';

const onLinux = process.platform === 'linux';
const me = currentProcess();
/** Process numbers end far below this one. */
const unusedPid = 0x7f_ff_ff_ff;
/** A holder on a system without /proc. */
const plain: ProcessIdentity = { pid: me.pid, host: me.host };

describe('currentProcess', () => {
  it('is parsed from its own JSON', () => {
    expect(me).toMatchObject({ pid: process.pid, host: hostname() });
    expect(parseProcessIdentity(JSON.stringify(me))).toEqual(me);
  });

  it.runIf(onLinux)('has the boot ID, the namespace and the start time of the process', () => {
    expect(me).toMatchObject({
      boot: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      namespace: expect.stringMatching(/^pid:\[\d+\](?: time:\[\d+\])?$/) as string,
      started: expect.stringMatching(/^\d+$/) as string,
    });
  });
});

describe('processStatus', () => {
  it.each<[string, Partial<ProcessIdentity>, ProcessStatus]>([
    ['this process', {}, onLinux ? 'running' : 'unknown'],
    ['a process that has ended', { pid: unusedPid }, 'exited'],
    ['another process of the same number', { started: '1' }, onLinux ? 'exited' : 'unknown'],
    [
      'a process of the same machine before it was restarted',
      { boot: 'before' },
      onLinux ? 'exited' : 'unknown',
    ],
    ['a process of another machine', { boot: 'other', host: 'other', pid: unusedPid }, 'unknown'],
    ['a process of another container', { namespace: 'pid:[1]', pid: unusedPid }, 'unknown'],
    [
      'an ended process of this machine under its former name',
      { host: 'other', pid: unusedPid },
      onLinux ? 'exited' : 'unknown',
    ],
  ])('%s', async (_, changes, status) => {
    expect(await processStatus({ ...me, ...changes }, me)).toBe(status);
  });

  it.each<[string, ProcessIdentity, ProcessStatus]>([
    ['a process whose number may have been reused', plain, 'unknown'],
    ['a process that has ended', { ...plain, pid: unusedPid }, 'exited'],
    ['a process of another machine', { host: 'other', pid: unusedPid }, 'unknown'],
    ['a process of a machine with a boot ID', { ...plain, boot: 'some', pid: unusedPid }, 'unknown'],
  ])('where a machine tells nothing but its name: %s', async (_, other, status) => {
    expect(await processStatus(other, plain)).toBe(status);
  });

  it('a process that has just ended', async () => {
    const pid = Number(await mustRun(process.execPath, ['-p', 'process.pid']));
    expect(await processStatus({ ...plain, pid }, plain)).toBe('exited');
  });

  it.runIf(onLinux)('a zombie process', async () => {
    // The shell's child ends once its input does, and the program that the shell has become never asks for it.
    const parent = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
    });
    const [output] = (await once(parent.stdout ?? process.stdin, 'data')) as [Buffer];
    const { started: _, ...here } = me;
    const zombie = { ...here, pid: Number(output.toString()) };
    expect(await processStatus(zombie, me)).toBe('unknown');
    (parent.stdio[3] as unknown as { destroy: () => void }).destroy();
    await expect.poll(() => processStatus(zombie, me), { timeout: 10_000 }).toBe('exited');
    parent.kill('SIGKILL');
    await once(parent, 'close');
  });
});

describe('parseProcessIdentity', () => {
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
    expect(parseProcessIdentity(text)).toBeUndefined();
  });

  it('ignores unknown members', () => {
    const text = '{"pid":7,"host":"h","boot":1,"namespace":[],"started":null,"more":"x"}';
    expect(parseProcessIdentity(text)).toEqual({ pid: 7, host: 'h' });
  });
});
