/** A release that cannot be made, for a reason that the maintainer can change. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';

  /**
   * @param message what failed and why, in lower case
   * @param hint what to do, as a sentence
   */
  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}
