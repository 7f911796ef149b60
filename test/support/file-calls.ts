import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

/**
 * Lists the file system calls of this process from now on, reads and writes, and kills the process (SIGKILL) before one of
 * them. Over all numbers, an operation is interrupted at each of its steps.
 *
 * @param killBefore The number of that call since the list was last cleared, from 1.
 */
export async function watchFileCalls(killBefore: number | undefined): Promise<string[]> {
  const calls: string[] = [];
  const handle = await fs.open(process.execPath, 'r');
  const fileHandle = Object.getPrototypeOf(handle) as object;
  await handle.close();
  watch(fs, [
    'lstat',
    'mkdir',
    'open',
    'readFile',
    'readdir',
    'rename',
    'rm',
    'rmdir',
    'stat',
    'unlink',
    'writeFile',
  ]);
  watch(fileHandle, ['writeFile', 'sync']);
  syncBuiltinESMExports();
  return calls;

  function watch(object: object, names: readonly string[]): void {
    for (const name of names) {
      const original = Reflect.get(object, name) as (...args: unknown[]) => unknown;
      Reflect.set(object, name, function watched(this: unknown, ...args: unknown[]): unknown {
        calls.push(name);
        if (calls.length === killBefore) process.kill(process.pid, 'SIGKILL');
        return original.apply(this, args);
      });
    }
  }
}
