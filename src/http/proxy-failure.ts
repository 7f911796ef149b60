import type { ProxyServer } from './proxy-server.js';

/** Why a proxy did not connect us: what it answered, or what kept it from answering. */
export type ProxyTrouble =
  | {
      readonly status: number;
      /** Authentication schemes that a 407 offers, in its own spelling. */
      readonly offered: readonly string[];
    }
  | { readonly reason: unknown };

/** A proxy failed, rather than the server behind it. Never leaves this room. */
export class ProxyFailure extends Error {
  readonly code = 'MULTIARCH_PROXY';
  readonly proxy: ProxyServer;
  readonly trouble: ProxyTrouble;

  constructor(proxy: ProxyServer, trouble: ProxyTrouble) {
    super(proxy.label);
    this.proxy = proxy;
    this.trouble = trouble;
  }

  /** The one that an error was made from, however often it was wrapped. */
  static in(error: unknown): ProxyFailure | undefined {
    for (let inner = error; inner instanceof Error; inner = inner.cause) {
      if (inner instanceof ProxyFailure) return inner;
    }
    return undefined;
  }
}

/** The schemes that `Proxy-Authenticate` offers. @param values one for each time the header is there */
export function offeredSchemes(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => /^\s*([A-Za-z][A-Za-z0-9-]*)/.exec(value)?.[1] ?? []);
}
