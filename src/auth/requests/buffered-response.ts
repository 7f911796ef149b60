import { withBody } from '../../http/buffered-body.js';
import { MAX_ERROR_BYTES } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import type { SecretRedactor } from './secret-redactor.js';

/** The one header with text for people. */
const CHALLENGE = 'www-authenticate';

/** A response whose body was read and can be read once more. */
export interface BufferedResponse extends HttpResponse {
  readonly text: string;
}

/**
 * Reads the body of an error response. One that breaks off or is above {@link MAX_ERROR_BYTES} counts as empty: the
 * status decides, and a secret that was cut in two would not be found.
 * @param secrets removed from all text of the server: the body and the challenge
 */
export async function bufferResponse(
  response: HttpResponse,
  secrets?: SecretRedactor,
): Promise<BufferedResponse> {
  const isHead = response.request.method === 'HEAD';
  const read = isHead ? undefined : await response.bytes(MAX_ERROR_BYTES).catch(() => {});
  response.discard();
  const received = Buffer.from(read ?? []);
  const bytes = secrets === undefined ? received : Buffer.from(secrets.hideInBody(received.toString('utf8')));
  const { headers } = response;
  const challenge = headers[CHALLENGE];
  return {
    ...withBody(response, bytes),
    headers:
      challenge === undefined || secrets === undefined
        ? headers
        : { ...headers, [CHALLENGE]: secrets.hide(challenge) },
    headerValues: (name) => {
      const values = response.headerValues(name);
      if (secrets === undefined || name.toLowerCase() !== CHALLENGE) return values;
      return values.map((value) => secrets.hide(value));
    },
    text: bytes.toString('utf8'),
  };
}
