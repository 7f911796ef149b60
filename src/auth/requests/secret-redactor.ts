import { REDACTED } from '../../http/redact.js';
import type { RegistryCredential } from '../credentials/credential.js';
import { basicAuthorization } from './challenge.js';

/** Removes the secrets that a server was sent from its messages, as some servers repeat them. */
export class SecretRedactor {
  readonly #forms = new Set<string>();

  get isEmpty(): boolean {
    return this.#forms.size === 0;
  }

  /** Adds a password and its Basic encoding, or a token. */
  addLogin(credential: RegistryCredential | undefined): void {
    if (credential === undefined) return;
    if (credential.kind === 'basic') {
      const encoded = basicAuthorization(credential).slice('Basic '.length);
      this.#add(encoded);
      this.#add(encoded.replace(/=+$/, ''));
      this.#add(credential.password);
    } else this.#add(credential.token);
  }

  addToken(token: string): void {
    this.#add(token);
  }

  /**
   * Returns a text without the secrets, in plain form or encoded as in JSON, forms and URLs.
   * @param text as received: a secret is not found once the text is clipped or its spaces are collapsed
   */
  hide(text: string): string {
    if (this.isEmpty) return text;
    // The longest first, as the header may contain the password. In one pass, so that no marker is redacted in turn.
    const forms = [...this.#forms].sort((one, other) => other.length - one.length).map(escaped);
    return text.replaceAll(new RegExp(forms.join('|'), 'g'), REDACTED);
  }

  /** Like {@link hide}, but for JSON value by value, so that it remains valid and no escape hides a secret. */
  hideInBody(text: string): string {
    try {
      const value: unknown = JSON.parse(text);
      const safe = JSON.stringify(this.#hideIn(value));
      return safe === JSON.stringify(value) ? text : safe;
    } catch {
      // Not JSON, or nested too deeply.
      return this.hide(text);
    }
  }

  #hideIn(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#hideIn(item));
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([name, item]) => [this.hide(name), this.#hideIn(item)]),
      );
    }
    // A password may be a number.
    const text = String(value);
    const safe = this.hide(text);
    return safe === text ? value : safe;
  }

  #add(secret: string): void {
    if (secret === '') return;
    const json = JSON.stringify(secret).slice(1, -1);
    const form = new URLSearchParams([['', secret]]).toString().slice(1);
    for (const text of [secret, json, json.replaceAll('/', String.raw`\/`), form]) this.#forms.add(text);
  }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
