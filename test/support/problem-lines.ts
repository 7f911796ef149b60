import { InvalidError } from '../../src/oci/errors.js';

/** What is wrong with a document, a line each: where, then what. None where it is read. */
export async function problemLines(read: () => Promise<unknown>): Promise<string[]> {
  try {
    await read();
    return [];
  } catch (error) {
    if (!(error instanceof InvalidError)) throw error;
    return error.problems.map(({ pointer, message }) => `${pointer} ${message}`);
  }
}
