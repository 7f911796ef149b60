import type { Socket } from 'node:net';

import { startDeadline } from '../deadline.js';

/** In milliseconds. What the server sent before it closed the connection arrived before the close. */
const READ_LIMIT = 1_000;

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

/** Reports the failure of a write once all that the server sent is read. Until then, the write counts as running. */
function afterReads(socket: Socket, done: WriteCallback): WriteCallback {
  return (error) => {
    if (error === null || error === undefined || socket.destroyed || socket.readableEnded) {
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
