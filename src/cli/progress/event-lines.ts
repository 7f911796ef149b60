import type { WorkEvent } from '../../content/events.js';
import type { HttpEvent } from '../../http/message.js';
import { formatPlatformFull } from '../../oci/platform.js';
import { printable } from '../../oci/errors.js';
import { counted, formatBytes } from '../output/format.js';
import { lockText, reasonText, requestText } from './pending-requests.js';
import { shortDigest } from './transfers.js';

/** The line for a finished step; `undefined` for other events. */
export function stepLine(event: WorkEvent): string | undefined {
  switch (event.kind) {
    case 'resolved': {
      const platforms = event.entries.flatMap(({ platform }) =>
        platform === undefined || platform.os === 'unknown' ? [] : [formatPlatformFull(platform)],
      );
      return `Read ${event.source}: ${platforms.length === 0 ? 'no platform' : platforms.join(', ')}`;
    }
    case 'blob-done': {
      const { digest, size, outcome } = event;
      const done = { present: 'Already present', mounted: 'Mounted', copied: 'Copied' }[outcome];
      return `${done}: ${shortDigest(digest)} (${formatBytes(size)})`;
    }
    case 'child-pushed':
      return `Pushed ${event.repository}@${event.digest}`;
    case 'tagged':
      return event.outcome === 'moved'
        ? `Tagged ${event.repository}:${event.tag}`
        : `${event.repository}:${event.tag} is already up to date`;
    case 'waiting':
      return `Waiting for ${event.sources.join(', ')}`;
    case 'mirrored':
    case 'login':
    case 'token-server':
    case 'cache-failed':
    case 'warning':
    case 'blob-started':
    case 'blob-progress':
    case 'upload-retried':
    case 'download-retried':
    case 'write-retried':
    case 'lock-waiting':
    case 'daemon-waiting':
      return undefined;
  }
}

/** The line of a request, a response or a retry for `--debug`. URLs are already redacted. */
export function requestLine(
  event: Exclude<HttpEvent, { kind: 'bytes' | 'waiting' | 'paused' | 'slowed' }>,
): string {
  switch (event.kind) {
    case 'request':
      return [
        `> ${event.method} ${event.url}`,
        ...(event.attempt > 1 ? [`(attempt ${event.attempt})`] : []),
        ...(event.proxy === undefined ? [] : [`via ${event.proxy}`]),
      ].join(' ');
    case 'response':
      return `< ${event.status} ${event.method} ${event.url} (${Math.round(event.milliseconds)} ms)`;
    case 'retry':
      return `! ${event.method} ${event.url}: ${event.reason}; retrying in ${Math.round(event.waitMilliseconds)} ms`;
  }
}

/** The line about a request that failed and is sent again. */
export function retryLine({
  method,
  url,
  reason,
  waitMilliseconds,
}: Extract<HttpEvent, { kind: 'retry' }>): string {
  return retryText(requestText(method, url), reasonText(reason, method, url), waitMilliseconds);
}

/** The line about a response that is awaited for long. */
export function waitingLine({ method, url, milliseconds }: Extract<HttpEvent, { kind: 'waiting' }>): string {
  return `waiting for a response from ${requestText(method, url)} (${Math.round(milliseconds / 1000)} s)`;
}

/** The line about requests that wait because a server asked for fewer, or for later ones. */
export function paceLine(event: Extract<HttpEvent, { kind: 'paused' | 'slowed' }>): string {
  return event.kind === 'paused'
    ? `${event.host}: HTTP ${event.status}; all requests wait for ${durationText(event.waitMilliseconds)}`
    : `${event.host}: HTTP 429; at most ${counted(event.concurrency, 'request')} at once from now on`;
}

/** The line about a wait for a lock, or for the docker daemon. */
export function workWaitLine(event: Extract<WorkEvent, { kind: 'lock-waiting' | 'daemon-waiting' }>): string {
  const time = `${Math.round(event.milliseconds / 1000)} s`;
  if (event.kind === 'daemon-waiting') {
    return `waiting for the docker daemon at ${event.host} to save ${event.image} (${time})`;
  }
  return `waiting for ${lockText(event)} (${time})`;
}

/** The line about the transfer of a blob or the write of a manifest that failed and is tried again. */
export function workRetryLine(event: RetriedWork): string {
  const { reason, waitMilliseconds } = event;
  const what =
    event.kind === 'write-retried'
      ? `write of ${event.name}`
      : `${event.kind === 'upload-retried' ? 'upload' : 'download'} of ${shortDigest(event.digest)}`;
  return retryText(what, reason, waitMilliseconds);
}

/** Work that failed and is tried again. */
type RetriedWork = Extract<WorkEvent, { kind: 'upload-retried' | 'download-retried' | 'write-retried' }>;

/** Reports whether an event is about work that failed and is tried again. */
export function isRetriedWork(event: WorkEvent): event is RetriedWork {
  return ['upload-retried', 'download-retried', 'write-retried'].includes(event.kind);
}

function retryText(what: string, reason: string, waitMilliseconds: number): string {
  return `${what}: ${reason}; retrying in ${durationText(waitMilliseconds)}`;
}

function durationText(milliseconds: number): string {
  return milliseconds < 1000
    ? `${Math.round(milliseconds)} ms`
    : `${Number((milliseconds / 1000).toFixed(1))} s`;
}

/** The line for `--debug` about the credential of a registry, or its token server. Its parts come from helpers and files. */
export function loginLine(event: Extract<WorkEvent, { kind: 'login' | 'token-server' }>): string {
  const { registry } = event;
  if (event.kind === 'token-server') return `= ${registry}: tokens from ${event.host}`;
  const { username, origin } = event;
  if (origin === undefined) return `= ${registry}: anonymous`;
  return `= ${registry}: ${username === undefined ? 'a token' : printable(username)} from ${printable(origin)}`;
}
