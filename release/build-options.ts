/** What each builder of release files is given. */
export interface BuildOptions {
  /** The version, such as `1.2.3`, without `v`. */
  readonly version: string;
  /** An existing directory, where the builder writes its files. */
  readonly directory: string;
  /** The time of everything that is written, in seconds since 1970. Equal input gives equal bytes. */
  readonly sourceDate: number;
}
