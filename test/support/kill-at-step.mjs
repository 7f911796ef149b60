/**
 * A preload module (`node --import`) that numbers the steps of a process that change the file system, from 1, and kills
 * the process with SIGKILL before one of them. A write to an
 * open file has two steps: before it, and after half of it. `writeFile` of a path is one step, as are all other calls.
 *
 * `KILL_AT_STEP` is the number; without it, the names of all steps are written to the file `KILL_STEPS_FILE` at the end.
 */
import fs from 'node:fs';
import promises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const killAt = Number(process.env['KILL_AT_STEP'] ?? 0);
const stepsFile = process.env['KILL_STEPS_FILE'];
const { writeFileSync } = fs;
/** @type {string[]} */
const steps = [];

/** @param {string} name */
function step(name) {
  steps.push(name);
  if (steps.length === killAt) process.kill(process.pid, 'SIGKILL');
}

/**
 * @param {object} object
 * @param {string} name
 * @param {(args: unknown[]) => boolean} changes whether a call with these arguments changes anything
 */
function watch(object, name, changes = () => true) {
  const original = Reflect.get(object, name);
  /** @this {unknown} @param {unknown[]} args */
  function watched(...args) {
    if (changes(args)) step(name.replace(/Sync$/, ''));
    return Reflect.apply(original, this, args);
  }
  Reflect.set(object, name, watched);
}

/** @param {unknown[]} args of `open` */
const opensForWriting = ([, flags = 'r']) =>
  typeof flags === 'string'
    ? /[wa+]/.test(flags)
    : (Number(flags) & (fs.constants.O_WRONLY | fs.constants.O_RDWR)) !== 0;

const CHANGES = [
  'mkdir',
  'rename',
  'rm',
  'rmdir',
  'unlink',
  'chmod',
  'chown',
  'writeFile',
  'appendFile',
  'symlink',
];
watch(promises, 'open', opensForWriting);
watch(fs, 'openSync', opensForWriting);
for (const name of CHANGES) {
  watch(promises, name);
  watch(fs, `${name}Sync`);
}

const handle = await promises.open(process.execPath, 'r');
const prototype = Object.getPrototypeOf(handle);
await handle.close();
for (const name of ['sync', 'chmod', 'chown']) watch(prototype, name);
const { writeFile } = prototype;
/**
 * @this {import('node:fs/promises').FileHandle}
 * @param {string | Uint8Array} content
 */
prototype.writeFile = async function watched(content) {
  step('write');
  const bytes = Buffer.from(content);
  const half = bytes.length >> 1;
  await Reflect.apply(writeFile, this, [bytes.subarray(0, half)]);
  step('write half');
  await Reflect.apply(writeFile, this, [bytes.subarray(half)]);
};
syncBuiltinESMExports();

if (stepsFile !== undefined) {
  process.on('exit', () => writeFileSync(stepsFile, JSON.stringify(steps)));
}
