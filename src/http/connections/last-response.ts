import type { Socket } from 'node:net';

import { startDeadline } from '../deadline.js';

/** In milliseconds. What the server sent before it closed the connection arrived before the close. */
const READ_LIMIT = 1_000;

/** The codes of writes that fail because the connection was closed. Other failures, as of TLS, have no response. */
const CLOSED_CODES: ReadonlySet<unknown> = new Set(['EPIPE', 'ECONNRESET', 'ECONNABORTED']);

type WriteCallback = (error?: Error | null) => void;

/**
 * Makes a socket read what the server sent before it closed the connection, although a write has failed because of the
 * close. Otherwise node drops the response unread: a server that rejects an upload (413 Content Too Large) may close the
 * connection while the rest of the body is being sent (RFC 9110, section 15.5.14).
 */
export function readLastResponse(socket: Socket): void {
  const write = socket._write.bind(socket);
  const writev = socket._writev?.bind(socket);
  socket._write = (chunk, encoding, done) => write(chunk, encoding, afterReads(socket, done));
  if (writev !== undefined) socket._writev = (chunks, done) => writev(chunks, afterReads(socket, done));
}

/** Reports that a write met a closed connection once all that the server sent is read. Until then, the write is running. */
function afterReads(socket: Socket, done: WriteCallback): WriteCallback {
  return (error) => {
    if (!isOfClose(error) || socket.destroyed || socket.readableEnded) {
      done(error);
      return;
    }
    const report = (): void => {
      stop();
      socket.off('end', report).off('close', report);
      done(error);
    };
    const stop = startDeadline(READ_LIMIT, report);
    socket.once('end', report).once('close', report);
  };
}

function isOfClose(error: NodeJS.ErrnoException | null | undefined): boolean {
  return CLOSED_CODES.has(error?.code);
}
