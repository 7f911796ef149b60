/**
 * Requests to a docker daemon over its socket or `DOCKER_HOST`.
 *
 * Offers docker-engine.
 * @module http/docker
 */
import { request as plainRequest, type IncomingMessage } from 'node:http';
import { request as tlsRequest, type RequestOptions } from 'node:https';
import type { Readable } from 'node:stream';

import { checkCancelled } from '../../content/cancellation.js';
import type { OnEvent } from '../../content/events.js';
import {
  cancelled,
  FailedError,
  type MultiarchError,
  NotFoundError,
  UnauthorizedError,
  UnavailableError,
} from '../../oci/errors.js';
import { familiarReference, type Reference } from '../../oci/reference.js';
import { addressLookup } from '../address-lookup.js';
import { UNEXPECTED_UPGRADE } from '../describe-failure.js';
import { parseErrorText, readErrorBody } from '../error-text.js';
import { ResponseBody } from '../response-body.js';
import { reportWait, TimeLimitError } from '../deadline.js';
import { serverName } from '../tls/tls-config.js';
import { describeHost, dockerHost, readCertificates, RUNNING_HINT, type DockerHost } from './docker-host.js';

export interface DockerEngineOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly homeDirectory: string;
  /**
   * The idle limit in milliseconds. Older daemons pack a large image completely before they send the first byte.
   * @default 10 minutes
   */
  readonly idleLimit?: number;
  readonly onEvent?: OnEvent | undefined;
}

const IDLE_LIMIT = 600_000;

/** One request, for messages. */
interface Exchange {
  readonly image: string;
  readonly host: string;
  readonly isTls: boolean;
  readonly signal: AbortSignal | undefined;
}

/**
 * Returns a function that saves an image from the daemon of `DOCKER_HOST` (Docker Engine API, "Export an image") as a tar
 * stream. Sends no credential except the certificate in `DOCKER_CERT_PATH`.
 *
 * The function throws NotFoundError if the daemon has no such image, UnavailableError if it does not respond or fails,
 * UnauthorizedError if access is denied, ArgumentError for an invalid `DOCKER_HOST`, and CancelledError. Its stream fails
 * with UnavailableError if the response is incomplete.
 */
export function dockerEngine({
  env,
  homeDirectory,
  idleLimit = IDLE_LIMIT,
  onEvent,
}: DockerEngineOptions): (
  reference: Reference,
  options: { readonly signal?: AbortSignal | undefined },
) => Promise<Readable> {
  return async (reference, { signal }) => {
    const host = dockerHost({ env, homeDirectory, platform: process.platform });
    const image = familiarReference(reference);
    const isTls = host.kind === 'tcp' && host.certificates !== undefined;
    const exchange = { image, host: describeHost(host), isTls, signal };
    const onWait = (milliseconds: number): void =>
      onEvent?.({ kind: 'daemon-waiting', host: exchange.host, image, milliseconds });
    const stopReports = reportWait(onWait);
    // Like docker's own client, this keeps slashes and colons.
    const response = await send(host, `/images/${encodeURI(image)}/get`, exchange, idleLimit).finally(
      stopReports,
    );
    const body = new ResponseBody(response, {
      expected: contentLength(response),
      idleMilliseconds: idleLimit,
      broken: (why, received) =>
        signal?.aborted === true
          ? cancelled(signal, `save ${image}`)
          : new UnavailableError(`docker at ${exchange.host}: ${why} after ${received} bytes of ${image}`, {
              hint: 'Check the log of the docker daemon.',
            }),
      onWait,
      onDone: () => {},
    });
    if (response.statusCode === 200) return body;
    const { text } = parseErrorText(await readErrorBody(body));
    checkCancelled(signal, `save ${image}`);
    throw responseError(response.statusCode ?? 0, text, exchange);
  };
}

/** @throws the errors of {@link requestError} */
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
      request.setTimeout(idleLimit, () =>
        request.destroy(new TimeLimitError('MULTIARCH_CONNECT', idleLimit)),
      );
      const rejectUpgrade = (): void => {
        request.destroy();
        reject(
          new UnavailableError(`docker at ${exchange.host}: ${UNEXPECTED_UPGRADE.why}`, {
            hint: 'Check DOCKER_HOST.',
          }),
        );
      };
      // Without a listener, node would close the connection and emit no error.
      request.once('upgrade', (_response, socket) => {
        socket.destroy();
        rejectUpgrade();
      });
      request.once('response', (response) => {
        // Node reports a 101 without an Upgrade header as a response, whose body would never end.
        if (response.statusCode === 101) {
          rejectUpgrade();
          return;
        }
        // From now on, the body limits the time in which a reader waits.
        request.setTimeout(0);
        resolve(response);
      });
      request.on('error', (error) => reject(requestError(error, exchange, idleLimit)));
      request.end();
    } catch (error) {
      // An invalid port or certificate is thrown, not emitted.
      reject(requestError(error, exchange, idleLimit));
    }
  });
}

/** The options of the request. Uses a connection of its own, as there is only one request. */
async function requestOptions(host: DockerHost, path: string): Promise<RequestOptions> {
  const common = { method: 'GET', agent: false, headers: { accept: 'application/x-tar, application/json' } };
  if (host.kind === 'socket') {
    return { ...common, socketPath: host.path, path, headers: { ...common.headers, host: 'docker' } };
  }
  const { hostname, port, prefix, certificates } = host;
  const options = { ...common, hostname, port, lookup: addressLookup(undefined), path: prefix + path };
  if (certificates === undefined) return options;
  return {
    ...options,
    ...(await readCertificates(certificates)),
    // Explicit, so that NODE_TLS_REJECT_UNAUTHORIZED cannot disable the check.
    rejectUnauthorized: true,
    servername: serverName(hostname),
  };
}

/** Returns the error for a request without a response. */
function requestError(
  error: unknown,
  { image, host, isTls, signal }: Exchange,
  idleLimit: number,
): MultiarchError {
  if (signal?.aborted === true) return cancelled(signal, `save ${image}`);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const hint = RUNNING_HINT;
  switch (code) {
    case 'ENOENT':
      return new UnavailableError(`no docker daemon at ${host}: no such socket`, { hint });
    case 'ECONNREFUSED':
      return new UnavailableError(`no docker daemon at ${host}: connection refused`, {
        hint,
      });
    case 'EACCES':
    case 'EPERM':
      return new UnauthorizedError(`permission denied for the socket ${host} of the docker daemon`, {
        hint: 'Join the group docker (`sudo usermod -aG docker $USER`, then log in again), or run as a user with access to it.',
      });
    case 'MULTIARCH_CONNECT':
      return new UnavailableError(
        `no response from the docker daemon at ${host} to save ${image} within ${idleLimit / 1000} s`,
        { hint: 'Check the log of the docker daemon.' },
      );
    default:
      return new UnavailableError(`cannot connect to a docker daemon at ${host}${code && ` (${code})`}`, {
        hint: isTls
          ? 'Check DOCKER_HOST and the certificates in DOCKER_CERT_PATH.'
          : 'Check DOCKER_HOST; a daemon that speaks TLS needs DOCKER_TLS_VERIFY=1.',
      });
  }
}

function responseError(status: number, message: string, { image, host }: Exchange): MultiarchError {
  const reason = message === '' ? `status ${status}` : message;
  if (status === 404) {
    return new NotFoundError(`docker at ${host} has no image ${image}: ${reason}`, {
      hint: '`docker images` lists the images of the daemon; `docker pull` fetches others.',
    });
  }
  if (status === 401 || status === 403) {
    return new UnauthorizedError(`docker at ${host} denies access to ${image}: ${reason}`);
  }
  const what = `docker at ${host} could not save ${image}: ${reason}`;
  return status >= 500 ? new UnavailableError(what) : new FailedError(what, { hint: 'Check DOCKER_HOST.' });
}

function contentLength(response: IncomingMessage): number | undefined {
  const stated = response.headers['content-length'];
  return stated === undefined ? undefined : Number(stated);
}
