/** Whether a stream is a screen that colours may be written to (no-color.org). */
export function mayColor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  const { NO_COLOR = '', TERM } = env;
  return stream.isTTY === true && NO_COLOR === '' && TERM !== 'dumb';
}
