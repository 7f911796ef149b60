import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

interface HelperBehaviour {
  /** Its logins, with the password `secret`. */
  readonly get: Readonly<Record<string, { readonly user: string }>>;
}

export interface InstalledHelper {
  /** An environment with the helper on its PATH. */
  readonly env: NodeJS.ProcessEnv;
  /** `ACTION KEY` of all calls so far. */
  readonly calls: () => Promise<readonly string[]>;
}

/** Installs a fake `docker-credential-SUFFIX`: with these logins, or a shell script. */
export async function installHelper(
  directory: string,
  suffix: string,
  behaviour: HelperBehaviour | string,
): Promise<InstalledHelper> {
  const log = join(directory, 'calls');
  const cases =
    typeof behaviour === 'string'
      ? behaviour
      : [
          'case "$key" in',
          ...Object.entries(behaviour.get).map(
            ([key, { user }]) =>
              `'${key}') echo '{"ServerURL":"${key}","Username":"${user}","Secret":"secret"}' ;;`,
          ),
          '*) echo "credentials not found in native keychain"; exit 1 ;;',
          'esac',
        ].join('\n');
  const file = join(directory, `docker-credential-${suffix}`);
  await writeFile(file, `#!/bin/sh\nkey=$(cat)\necho "$1 $key" >> '${log}'\n${cases}\n`);
  await chmod(file, 0o755);
  const calls = async (): Promise<readonly string[]> => (await readFile(log, 'utf8')).trim().split('\n');
  return { env: { PATH: `${directory}:/usr/bin:/bin` }, calls };
}

/**
 * Installs a `docker-credential-SUFFIX` that saves logins in a directory.
 * @returns the directory: one file for each login, named by its key with `_` for `/` and `:`
 */
export async function installKeeper(directory: string, suffix: string): Promise<string> {
  const kept = join(directory, `kept-by-${suffix}`);
  await mkdir(kept, { recursive: true });
  const file = join(directory, `docker-credential-${suffix}`);
  await writeFile(
    file,
    `#!/bin/sh
input=$(cat)
case "$1" in
store) key=$(printf %s "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/') ;;
*) key=$input ;;
esac
file='${kept}'/$(printf %s "$key" | tr '/:' '__')
case "$1" in
store) printf %s "$input" > "$file" ;;
erase) rm -f "$file" ;;
get) if [ -f "$file" ]; then cat "$file"; else echo 'credentials not found in native keychain'; exit 1; fi ;;
esac
`,
  );
  await chmod(file, 0o755);
  return kept;
}
