/** The option of commands that print tables. */
export const WIDE_OPTION = {
  type: 'boolean',
  describe: 'Print digests and long lines in full on a narrow terminal',
} as const;
