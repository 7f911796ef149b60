import type { WorkEvent } from '../../content/events.js';
import type { HttpEvent } from '../../http/message.js';
import { imagePlatforms } from '../../oci/attestation.js';
import type { LogRecord } from '../output/log.js';
import {
  isRetriedWork,
  loginLine,
  paceLine,
  requestLine,
  retryLine,
  stepLine,
  waitingLine,
  workRetryLine,
  workWaitLine,
} from './event-lines.js';

/** In milliseconds: the first report of a wait for a lock only notes that it began. */
const SHOWN_WAIT = 5_000;

/** The record of a finished step; `undefined` for other events. */
export function stepRecord(event: WorkEvent): LogRecord | undefined {
  const message = stepLine(event);
  if (message === undefined) return undefined;
  const { kind, ...members } = event;
  const fields =
    'entries' in members ? { source: members.source, platforms: imagePlatforms(members.entries) } : members;
  return { level: 'info', event: kind, message, fields };
}

/** The record of an event that is not a step; `undefined` for one that is not logged. */
export function workRecord(event: WorkEvent, isDebug: boolean): LogRecord | undefined {
  const { kind, ...fields } = event;
  if (event.kind === 'warning') return { level: 'warn', event: kind, message: event.message };
  if (event.kind === 'mirrored') {
    const message = `Read ${event.reference} from the mirror ${event.mirror}: ${event.digest}`;
    return { level: 'info', event: kind, message, fields };
  }
  if (event.kind === 'login' || event.kind === 'token-server') {
    return debugRecord(kind, loginLine(event), fields);
  }
  if (event.kind === 'cache-failed') return debugRecord(kind, `= cache: ${event.reason}`, fields);
  if (event.kind === 'lock-waiting') {
    if (event.isOver || event.milliseconds < SHOWN_WAIT) return undefined;
    return { level: 'info', event: kind, message: workWaitLine(event), fields: lockFields(event) };
  }
  if (event.kind === 'daemon-waiting') {
    return { level: 'info', event: kind, message: workWaitLine(event), fields };
  }
  if (!isRetriedWork(event)) return undefined;
  const line = workRetryLine(event);
  return retryRecord(kind, line, `! ${line}`, event.waitMilliseconds, isDebug, fields);
}

/** The record of an event of a request; `undefined` for one that is not logged. */
export function httpRecord(event: HttpEvent, isDebug: boolean): LogRecord | undefined {
  const { kind } = event;
  if (event.kind === 'bytes') return undefined;
  // Headers are for programs that use the library.
  const { headers: _headers, kind: _kind, ...fields } = { headers: undefined, ...event };
  if (event.kind === 'waiting') return { level: 'info', event: kind, message: waitingLine(event), fields };
  if (event.kind === 'paused' || event.kind === 'slowed') {
    return { level: 'warn', event: kind, message: paceLine(event), fields };
  }
  if (event.kind === 'retry') {
    return retryRecord(kind, retryLine(event), requestLine(event), event.waitMilliseconds, isDebug, fields);
  }
  return debugRecord(kind, requestLine(event), fields);
}

/** A retry at once is of interest for debugging only. @param line the line of `--debug` */
function retryRecord(
  event: string,
  message: string,
  line: string,
  waitMilliseconds: number,
  isDebug: boolean,
  fields: LogRecord['fields'] = {},
): LogRecord {
  const level = waitMilliseconds > 0 ? 'warn' : 'debug';
  // With --quiet, --debug still logs each retry.
  return isDebug ? { level: 'debug', event, message, text: line, fields } : { level, event, message, fields };
}

/** @param line as text, with a mark before the message */
function debugRecord(event: string, line: string, fields: LogRecord['fields'] = {}): LogRecord {
  return { level: 'debug', event, message: line.replace(/^[<>=] /, ''), text: line, fields };
}

function lockFields({
  path,
  holder,
  milliseconds,
}: Extract<WorkEvent, { kind: 'lock-waiting' }>): LogRecord['fields'] {
  return { path, holder: holder && { pid: holder.pid, host: holder.host }, milliseconds };
}
