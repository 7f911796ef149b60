/** A process that runs a credential helper, for tests of the output of that process. */
import { CredentialHelper } from '../../src/auth/credentials/credential-helper.js';

export interface HelperJob {
  readonly suffix: string;
  readonly key: string;
  /** The PATH with the helper. */
  readonly path: string;
}

const { suffix, key, path } = JSON.parse(process.argv[2] ?? '') as HelperJob;
const helper = new CredentialHelper(suffix, { env: { PATH: path }, namedIn: 'config.json' });
console.log((await helper.get(key)) === undefined ? 'no login' : 'a login');
