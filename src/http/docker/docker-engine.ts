/**
 * Requests to a docker daemon over its socket or `DOCKER_HOST`.
 *
 * Offers docker-engine.
 * @module http/docker
 */
import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';
import { isIP } from 'node:net';
import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import {
  cancelled,
  FailedError,
  type MultiarchError,
  NotFoundError,
  UnauthorizedError,
  UnavailableError,
  printable,
} from '../../oci/errors.js';
import { isJsonObject } from '../../oci/json.js';
import { familiarReference, type Reference } from '../../oci/reference.js';
import { ResponseBody } from '../response-body.js';
import { TimeLimitError } from '../deadline.js';
import { describeHost, dockerHost, readCertificates, RUNNING_HINT, type DockerHost } from './docker-host.js';

export interface DockerEngineOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly homeDirectory: string;
  /**
   * How long the daemon may be silent, in milliseconds. An older one packs all of a large image before it sends the
   * first byte. @default 10 minutes
   */
  readonly idleLimit?: number;
}

const IDLE_LIMIT = 600_000;
/** Of an error's text that is looked at, in bytes. */
const ERROR_LIMIT = 64 << 10;

/** The image that is asked for, and of whom: for messages. */
interface Exchange {
  readonly image: string;
  readonly place: string;
  readonly isTls: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * `docker save` over the API of the daemon that `DOCKER_HOST` names (Docker Engine API, "Export an image"): a tar file as
 * it comes. No credential is sent, but for the certificate in `DOCKER_CERT_PATH`.
 *
 * What it gives throws NotFoundError where the daemon has no such image, UnavailableError where it does not answer or
 * fails, UnauthorizedError where we may not speak to it, ArgumentError for a `DOCKER_HOST` that cannot be used, and
 * CancelledError; the stream fails with UnavailableError where the answer breaks off.
 */
export function dockerEngine({
  env,
  homeDirectory,
  idleLimit = IDLE_LIMIT,
}: DockerEngineOptions): (
  reference: Reference,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<Readable> {
  return async (reference, { signal }) => {
    const host = dockerHost({ env, homeDirectory, platform: process.platform });
    const image = familiarReference(reference);
    const isTls = host.kind === 'tcp' && host.certificates !== undefined;
    const exchange = { image, place: describeHost(host), isTls, signal };
    // Slashes and colons stay as they are: so does docker's own client.
    const answer = await send(host, `/images/${encodeURI(image)}/get`, exchange, idleLimit);
    const body = new ResponseBody(answer, {
      expected: contentLength(answer),
      idleMilliseconds: idleLimit,
      broken: (why, received) =>
        signal?.aborted === true
          ? cancelled(signal, `save ${image}`)
          : new UnavailableError(`docker at ${exchange.place}: ${why} after ${received} bytes of ${image}`, {
              hint: 'Look into the log of the docker daemon.',
            }),
      onDone: () => {},
    });
    if (answer.statusCode === 200) return body;
    const message = await errorText(body);
    checkCancelled(signal, `save ${image}`);
    throw responseError(answer.statusCode ?? 0, message, exchange);
  };
}

/** @throws what {@link describe} makes of a failure */
async function send(
  host: DockerHost,
  path: string,
  exchange: Exchange,
  idleLimit: number,
): Promise<IncomingMessage> {
  const options = await requestOptions(host, path);
  const begin = exchange.isTls ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    try {
      const request = begin({
        ...options,
        ...(exchange.signal !== undefined && { signal: exchange.signal }),
      });
      request.setTimeout(idleLimit, () => request.destroy(new TimeLimitError('MULTIARCH_CONNECT')));
      request.once('response', (answer) => {
        // From now on, time counts only while somebody waits for the next bytes.
        request.setTimeout(0);
        resolve(answer);
      });
      request.on('error', (error) => reject(describe(error, exchange, idleLimit)));
      request.end();
    } catch (error) {
      // Thrown, not emitted: a port or a certificate that is none.
      reject(describe(error, exchange, idleLimit));
    }
  });
}

/** Of a request of its own connection, since there is only one. */
async function requestOptions(host: DockerHost, path: string): Promise<RequestOptions> {
  const common = { method: 'GET', agent: false, headers: { accept: 'application/x-tar, application/json' } };
  if (host.kind === 'socket') {
    return { ...common, socketPath: host.path, path, headers: { ...common.headers, host: 'docker' } };
  }
  const { hostname, port, prefix, certificates } = host;
  const options = { ...common, hostname, port, path: prefix + path };
  if (certificates === undefined) return options;
  return {
    ...options,
    ...(await readCertificates(certificates)),
    // Said, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch the check off.
    rejectUnauthorized: true,
    // An address is no server name (RFC 6066, section 3).
    servername: isIP(hostname) === 0 ? hostname : '',
  };
}

/** What kept an answer from coming. */
function describe(
  error: unknown,
  { image, place, isTls, signal }: Exchange,
  idleLimit: number,
): MultiarchError {
  if (signal?.aborted === true) return cancelled(signal, `save ${image}`);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const hint = RUNNING_HINT;
  switch (code) {
    case 'ENOENT':
      return new UnavailableError(`no docker daemon listens at ${place}: there is no such socket`, { hint });
    case 'ECONNREFUSED':
      return new UnavailableError(`no docker daemon listens at ${place}: it refused the connection`, {
        hint,
      });
    case 'EACCES':
    case 'EPERM':
      return new UnauthorizedError(`permission denied at the socket ${place} of the docker daemon`, {
        hint: 'Join the group docker (`sudo usermod -aG docker $USER`, then log in again), or run as a user who may use it.',
      });
    case 'MULTIARCH_CONNECT':
      return new UnavailableError(
        `the docker daemon at ${place} has not answered for ${idleLimit / 1000} s: it was asked for ${image}`,
        { hint: 'Look into the log of the docker daemon.' },
      );
    default:
      return new UnavailableError(`cannot speak to a docker daemon at ${place}${code && ` (${code})`}`, {
        hint: isTls
          ? 'Check DOCKER_HOST, and the certificates in DOCKER_CERT_PATH.'
          : 'Check DOCKER_HOST; a daemon that speaks TLS needs DOCKER_TLS_VERIFY=1.',
      });
  }
}

function responseError(status: number, message: string, { image, place }: Exchange): MultiarchError {
  const says = message === '' ? `status ${status}` : message;
  if (status === 404) {
    return new NotFoundError(`docker at ${place} has no image ${image}: ${says}`, {
      hint: '`docker images` lists what is there; `docker pull` fetches what is not.',
    });
  }
  if (status === 401 || status === 403) {
    return new UnauthorizedError(`docker at ${place} does not give out ${image}: ${says}`);
  }
  const what = `docker at ${place} could not save ${image}: ${says}`;
  return status >= 500 ? new UnavailableError(what) : new FailedError(what, { hint: 'Check DOCKER_HOST.' });
}

/** The daemon's own words. An answer that breaks off or goes on for long may lack them. */
async function errorText(body: ResponseBody): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      size += chunk.length;
      if (size > ERROR_LIMIT) break;
    }
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString());
    if (!isJsonObject(value) || typeof value['message'] !== 'string') return '';
    return printable(value['message']).slice(0, 500);
  } catch {
    return '';
  }
}

function contentLength(answer: IncomingMessage): number | undefined {
  const stated = answer.headers['content-length'];
  return stated === undefined ? undefined : Number(stated);
}
