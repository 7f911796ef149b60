type ErrorType<E> = abstract new (...args: never[]) => E;

/**
 * The error that a promise is rejected with.
 *
 * @throws Another error than `type` as it is, and an error if the promise is fulfilled.
 */
export async function failureOf<E = unknown>(promise: Promise<unknown>, type?: ErrorType<E>): Promise<E> {
  try {
    await promise;
  } catch (error) {
    return checked(error, type);
  }
  throw new Error('expected a failure');
}

/** As {@link failureOf}, for a function that throws. */
export function thrownBy<E = unknown>(action: () => unknown, type?: ErrorType<E>): E {
  try {
    action();
  } catch (error) {
    return checked(error, type);
  }
  throw new Error('expected a failure');
}

function checked<E>(error: unknown, type: ErrorType<E> | undefined): E {
  if (type !== undefined && !(error instanceof type)) throw error;
  return error as E;
}
