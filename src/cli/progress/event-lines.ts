import type { WorkEvent } from '../../content/events.js';
import type { HttpEvent } from '../../http/message.js';
import { formatPlatformFull } from '../../oci/platform.js';
import { printable } from '../../oci/errors.js';
import { formatBytes } from '../output/format.js';
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
    case 'login':
    case 'warning':
    case 'blob-started':
    case 'blob-progress':
    case 'upload-retried':
      return undefined;
  }
}

/** The line of a request, a response or a retry for `--debug`. URLs are already redacted. */
export function requestLine(event: Exclude<HttpEvent, { kind: 'bytes' }>): string {
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

/** The warning about a retry after a long wait. */
export function waitLine({ url, reason, waitMilliseconds }: Extract<HttpEvent, { kind: 'retry' }>): string {
  return `${new URL(url).host}: ${reason}; retrying in ${Math.round(waitMilliseconds / 1000)} s`;
}

/** The line about an upload that failed and is tried again. */
export function uploadLine({
  digest,
  reason,
  waitMilliseconds,
}: Extract<WorkEvent, { kind: 'upload-retried' }>): string {
  return `upload of ${shortDigest(digest)}: ${reason}; retrying in ${Math.round(waitMilliseconds)} ms`;
}

/** The line for `--debug` about the credential of a registry. Its parts come from helpers and files. */
export function loginLine({ registry, username, origin }: Extract<WorkEvent, { kind: 'login' }>): string {
  if (origin === undefined) return `= ${registry}: anonymous`;
  return `= ${registry}: ${username === undefined ? 'a token' : printable(username)} from ${printable(origin)}`;
}
