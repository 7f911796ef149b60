import { once } from 'node:events';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Writable } from 'node:stream';

import { runInProcess } from '../support/run.js';

/** Runs the built command for shell scripts in the process of the test, in a tenth of the time of a process. Needs Linux and bash. */
export class CommandServer {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<CommandServer> {
    const server = createServer((socket) => void serve(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new CommandServer(server);
  }

  /**
   * The script that scripts call as `multiarch`. It sends its process id, by which the server finds its arguments,
   * environment and files, and receives an exit code. The files are not redirected while it waits. A pipe cannot be opened
   * again after its writer has closed it, so a file replaces it.
   */
  get launcher(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `#!/bin/bash
if [[ -p /dev/stdin ]]; then cat > "$0.$$"; exec < "$0.$$"; rm "$0.$$"; fi
exec 9<>/dev/tcp/127.0.0.1/${port}
(echo $$ >&9)
read -r -u 9 code
exit "$code"
`;
  }

  async stop(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }
}

async function serve(socket: Socket): Promise<void> {
  socket.setEncoding('utf8').on('error', () => {});
  const [line] = (await once(socket, 'data')) as [string];
  const code = await runFor(`/proc/${line.trim()}`).catch((error: unknown) => {
    console.error(error);
    return 70;
  });
  socket.end(`${code}\n`);
}

/** @param process the directory of the launcher's process (proc(5)) */
async function runFor(process: string): Promise<number> {
  const [, , ...args] = await listOf(`${process}/cmdline`);
  const variables = (await listOf(`${process}/environ`)).map((text) => {
    const at = text.indexOf('=');
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  const files: number[] = [];
  /** As in a process, what is written is in the file before anything else happens. Several programs may append to one file. */
  const output = (fd: 1 | 2): Writable => {
    const file = openSync(`${process}/fd/${fd}`, 'a');
    files.push(file);
    return new Writable({
      write(chunk: Buffer, _encoding, done) {
        try {
          for (let at = 0; at < chunk.length;) at += writeSync(file, chunk, at);
          done();
        } catch (error) {
          done(error as Error);
        }
      },
    });
  };
  const stdin = createReadStream(`${process}/fd/0`);
  try {
    const terminal = { stdin, stdout: output(1), stderr: output(2), env: Object.fromEntries(variables) };
    return await runInProcess(args, { terminal, cwd: await readlink(`${process}/cwd`) });
  } finally {
    stdin.destroy();
    for (const file of files) closeSync(file);
  }
}

/** The strings of a file in which each one ends with a null byte. */
async function listOf(path: string): Promise<readonly string[]> {
  const text = await readFile(path, 'utf8');
  return text.split('\0').slice(0, -1);
}
