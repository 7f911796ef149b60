import { InvalidError } from '../../src/oci/errors.js';

/** The problems of an invalid document as `POINTER message`. Empty if it is read without an error. */
export async function problemLines(read: () => Promise<unknown>): Promise<string[]> {
  try {
    await read();
    return [];
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return error.problems.map(({ pointer, message }) => `${pointer} ${message}`);
  }
}
