/** A name and what it means. */
export interface Row {
  readonly left: string;
  readonly text: string;
}

export interface Section {
  readonly title?: string;
  readonly rows?: readonly Row[];
  /** Lines that are not broken, such as examples. */
  readonly lines?: readonly string[];
}

/** A page of help, as text and as a man page. */
export interface HelpPage {
  readonly summary: string;
  readonly usage?: string;
  readonly sections: readonly Section[];
  readonly end?: readonly string[];
}
