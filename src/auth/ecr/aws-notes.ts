import { printable } from '../../oci/errors.js';

/** What the SDK of AWS takes to write its log to. */
export interface AwsLogger {
  debug(...words: readonly unknown[]): void;
  info(): void;
  warn(): void;
  error(): void;
}

/**
 * What the SDK notes while it looks for credentials. It asks one place after the other, and its error in the end is of the
 * last one alone: why each of the others gave none is in its log and nowhere else.
 */
export class AwsNotes {
  readonly #notes: string[] = [];

  /** Only of `debug`: the other levels get whole requests and answers, with their secrets. */
  readonly logger: AwsLogger = {
    debug: (...words) => {
      const [first] = words;
      if (typeof first === 'string') this.#notes.push(first);
    },
    info: () => {},
    warn: () => {},
    error: () => {},
  };

  /**
   * Why there are no credentials, in words for people: `there is no profile work`. Without the command line of a profile's
   * program and what that printed, as both may hold secrets.
   *
   * @param env what the SDK reads
   */
  reasons(env: NodeJS.ProcessEnv): readonly string[] {
    const profile = printable(env['AWS_PROFILE'] ?? 'default');
    const reasons = new Set<string>();
    let asked = '';
    for (const note of this.#notes) {
      asked = /^@aws-sdk\/credential-provider-(\S+) - /.exec(note)?.[1] ?? asked;
      const said = /^@smithy\/property-provider (?:->|\(!\)) ([^]*)$/.exec(note)?.[1];
      if (said === undefined) continue;
      const isMissing = said.endsWith(' could not be found in shared credentials file.');
      if (isMissing && env['AWS_PROFILE'] !== undefined) reasons.add(`there is no profile ${profile}`);
      if (asked !== 'process' || isMissing || said.endsWith(' did not contain credential_process.')) continue;
      const [, fault] =
        /^Profile .+ credential_process (returned (?:invalid|expired) [\w ]+|did not return [\w ]+)/.exec(
          said,
        ) ?? [];
      reasons.add(`the program of the profile ${profile} ${fault ?? 'failed'}`);
      asked = '';
    }
    return [...reasons];
  }
}
