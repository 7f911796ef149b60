import { basicAuthorization } from './authorization.js';
import type { Credential } from '../credentials/credential.js';

const HIDDEN = '[redacted]';

/** What a server was sent and must not be shown: some repeat it in their errors. In a private field, so nothing prints it. */
export class SecretRedactor {
  readonly #forms = new Set<string>();

  get isEmpty(): boolean {
    return this.#forms.size === 0;
  }

  /** Password and Basic header, or token. */
  addLogin(credential: Credential | undefined): void {
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
   * A text without the secrets, as they are and as JSON, forms and URLs write them.
   * @param text as the server wrote it: once spaces are collapsed or the end is cut off, a secret is not found any more
   */
  hide(text: string): string {
    if (this.isEmpty) return text;
    // The longest first, as a password may be a part of the header. All in one go, so that what hides them stays whole.
    const forms = [...this.#forms].sort((one, other) => other.length - one.length).map(escaped);
    return text.replaceAll(new RegExp(forms.join('|'), 'g'), HIDDEN);
  }

  /** As {@link hide}, for JSON value by value, however it is escaped; what was valid JSON stays so. */
  hideInBody(text: string): string {
    try {
      const value: unknown = JSON.parse(text);
      const safe = JSON.stringify(this.#hideIn(value));
      return safe === JSON.stringify(value) ? text : safe;
    } catch {
      // No JSON, or nested too deeply.
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
