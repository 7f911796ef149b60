/** A process that asks a credential helper for a login, for tests of what else that process lets out. */
import { CredentialHelper } from '../../src/auth/credentials/credential-helper.js';

export interface HelperJob {
  readonly suffix: string;
  readonly key: string;
  /** The PATH that the helper is on. */
  readonly path: string;
}

const { suffix, key, path } = JSON.parse(process.argv[2] ?? '') as HelperJob;
const helper = new CredentialHelper(suffix, { env: { PATH: path }, namedIn: 'config.json' });
console.log((await helper.get(key)) === undefined ? 'no login' : 'a login');
