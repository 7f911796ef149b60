import { list, type ReadEntry } from 'tar';

/** Lists a tar file as `tar -tv` does: mode, owner, path and the target of a link. */
export function tarLines(bytes: Buffer): string[] {
  return readTar(bytes).map(({ mode = 0, uid, path, linkpath = '' }) =>
    [mode.toString(8).padStart(4, '0'), uid, path, ...(linkpath === '' ? [] : ['->', linkpath])].join(' '),
  );
}

/** The content of a file in a tar file, as text. */
export function textIn(bytes: Buffer, path: string): string | undefined {
  const chunks: Buffer[] = [];
  const entries = readTar(bytes, (entry) => {
    if (entry.path === path) entry.on('data', (chunk: Buffer) => chunks.push(chunk));
  });
  return entries.some((entry) => entry.path === path) ? Buffer.concat(chunks).toString() : undefined;
}

function readTar(bytes: Buffer, onEntry: (entry: ReadEntry) => void = () => {}): ReadEntry[] {
  const entries: ReadEntry[] = [];
  const parser = list({
    sync: true,
    onReadEntry(entry) {
      entries.push(entry);
      onEntry(entry);
      entry.resume();
    },
  });
  parser.end(bytes);
  return entries;
}
