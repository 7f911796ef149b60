/** The process that `file-process.ts` starts: writes a file with `src/files/`, and may kill itself at any step. */
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';

import { replaceFile, writeFileAtomically } from '../../src/files/atomic-write.js';
import { errorCode } from '../../src/files/file-error.js';
import { withLock } from '../../src/files/lock.js';
import { MODES } from '../../src/files/make-directory.js';
import { watchFileCalls } from './file-calls.js';
import type { FileJob, FileJobResult } from './file-process.js';

const { path, pieces, as, killBefore } = JSON.parse(process.argv[2] ?? '') as FileJob;
const calls = await watchFileCalls(killBefore);

async function append(piece: string): Promise<void> {
  calls.length = 0;
  await withLock(`${path}.lock`, async (scratch) => {
    const text = (await readFile(path, 'utf8')) + piece;
    await replaceFile(path, scratch, text, { mode: MODES.sharedFile });
  });
}

let code: string | undefined;
try {
  if (as === 'edits') {
    for (const piece of pieces) await append(piece);
  } else {
    const content = Readable.from(pieces.map((piece) => Buffer.from(piece)));
    await writeFileAtomically(path, content, { temporaryDirectory: dirname(path) });
  }
} catch (error) {
  code = errorCode(error);
  if (code === undefined) throw error;
}
const result: FileJobResult = { calls, ...(code !== undefined && { code }) };
console.log(JSON.stringify(result));
