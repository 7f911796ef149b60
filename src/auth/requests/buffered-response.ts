import { Readable } from 'node:stream';

import type { HttpResponse } from '../../http/message.js';
import { InvalidError } from '../../oci/errors.js';
import type { SecretRedactor } from './secret-redactor.js';

/** Far more than any registry says of an error. */
const LIMIT = 64 * 1024;
/** The one header that holds words for people. */
const CHALLENGE = 'www-authenticate';

/** An answer whose body has been read, and can be read once more. What is longer than an error is left out. */
export class BufferedResponse implements HttpResponse {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly url: URL;
  readonly request: HttpResponse['request'];
  readonly body: Readable;
  readonly #answer: HttpResponse;
  readonly #bytes: Uint8Array;
  readonly #secrets: SecretRedactor | undefined;

  private constructor(answer: HttpResponse, bytes: Uint8Array, secrets: SecretRedactor | undefined) {
    const challenge = answer.headers[CHALLENGE];
    this.status = answer.status;
    this.headers =
      challenge === undefined || secrets === undefined
        ? answer.headers
        : { ...answer.headers, [CHALLENGE]: secrets.hide(challenge) };
    this.url = answer.url;
    this.request = answer.request;
    this.body = Readable.from(bytes.length === 0 ? [] : [bytes]);
    this.#answer = answer;
    this.#bytes = bytes;
    this.#secrets = secrets;
  }

  /**
   * Reads the body of an answer to its end. One that breaks off counts as empty: the status is what matters.
   * @param secrets are taken out of all that the server says in words: the body and the challenge
   */
  static async of(answer: HttpResponse, secrets?: SecretRedactor): Promise<BufferedResponse> {
    const read = answer.request.method === 'HEAD' ? undefined : await answer.bytes(LIMIT).catch(() => {});
    answer.discard();
    const bytes = Buffer.from(read ?? []);
    const safe = secrets === undefined ? bytes : Buffer.from(secrets.hideInBody(bytes.toString('utf8')));
    return new BufferedResponse(answer, safe, secrets);
  }

  get text(): string {
    return Buffer.from(this.#bytes).toString('utf8');
  }

  headerValues(name: string): readonly string[] {
    const values = this.#answer.headerValues(name);
    const secrets = name.toLowerCase() === CHALLENGE ? this.#secrets : undefined;
    return secrets === undefined ? values : values.map((value) => secrets.hide(value));
  }

  async bytes(limit: number): Promise<Uint8Array> {
    if (this.#bytes.length > limit) throw new InvalidError(`The answer is longer than ${limit} bytes`);
    return this.#bytes;
  }

  discard(): void {
    this.body.destroy();
  }
}
