import { Readable } from 'node:stream';

import { MAX_ERROR_BYTES } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import { InvalidError } from '../../oci/errors.js';
import type { SecretRedactor } from './secret-redactor.js';

/** The one header with text for people. */
const CHALLENGE = 'www-authenticate';

/** A response whose body was read and can be read once more. */
export class BufferedResponse implements HttpResponse {
  readonly status: number;
  readonly headers: HttpResponse['headers'];
  readonly url: URL;
  readonly remoteAddress: string | undefined;
  readonly request: HttpResponse['request'];
  readonly body: Readable;
  readonly #response: HttpResponse;
  readonly #bytes: Uint8Array;
  readonly #secrets: SecretRedactor | undefined;

  private constructor(response: HttpResponse, bytes: Uint8Array, secrets: SecretRedactor | undefined) {
    const challenge = response.headers[CHALLENGE];
    this.status = response.status;
    this.headers =
      challenge === undefined || secrets === undefined
        ? response.headers
        : { ...response.headers, [CHALLENGE]: secrets.hide(challenge) };
    this.url = response.url;
    this.remoteAddress = response.remoteAddress;
    this.request = response.request;
    this.body = Readable.from(bytes.length === 0 ? [] : [bytes]);
    this.#response = response;
    this.#bytes = bytes;
    this.#secrets = secrets;
  }

  /**
   * Reads the body of an error response. One that breaks off or is above {@link MAX_ERROR_BYTES} counts as empty: the
   * status decides, and a secret that was cut in two would not be found.
   * @param secrets removed from all text of the server: the body and the challenge
   */
  static async of(response: HttpResponse, secrets?: SecretRedactor): Promise<BufferedResponse> {
    const isHead = response.request.method === 'HEAD';
    const read = isHead ? undefined : await response.bytes(MAX_ERROR_BYTES).catch(() => {});
    response.discard();
    const bytes = Buffer.from(read ?? []);
    const safe = secrets === undefined ? bytes : Buffer.from(secrets.hideInBody(bytes.toString('utf8')));
    return new BufferedResponse(response, safe, secrets);
  }

  get text(): string {
    return Buffer.from(this.#bytes).toString('utf8');
  }

  headerValues(name: string): readonly string[] {
    const values = this.#response.headerValues(name);
    const secrets = name.toLowerCase() === CHALLENGE ? this.#secrets : undefined;
    return secrets === undefined ? values : values.map((value) => secrets.hide(value));
  }

  async bytes(limit: number): Promise<Uint8Array> {
    if (this.#bytes.length > limit) throw new InvalidError(`the response is longer than ${limit} bytes`);
    return this.#bytes;
  }

  discard(): void {
    this.body.destroy();
  }
}
