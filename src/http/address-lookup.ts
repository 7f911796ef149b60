import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import type { LookupFunction } from 'node:net';

import { addressProblem } from './destination-policy.js';
import { isLoopbackHost, type Reach } from './host-reach.js';

/** IPv4 first: a published port of a container often accepts IPv6 connections and serves none. */
const LOOPBACK_ADDRESSES: readonly LookupAddress[] = [
  { address: '127.0.0.1', family: 4 },
  { address: '::1', family: 6 },
];

/**
 * Returns the lookup of host names for connections.
 *
 * `localhost` and the names below it are this machine, without a question to the resolver (RFC 6761, section 6.3): such
 * hosts may speak plain HTTP, so another machine must not answer to their names. For a limited request, addresses that
 * the policy of destinations rejects are left out. A socket connects to no other address than the lookup returns, so a
 * name that changes its addresses afterwards has no effect.
 * @param nearest the limit of a request to a URL that a server named
 * @param lookup the resolver
 */
export function addressLookup(
  nearest: Reach | undefined,
  lookup: LookupFunction = systemLookup,
): LookupFunction {
  return (hostname, options, callback) => {
    const resolved = (found: readonly LookupAddress[]): void => {
      const problems = found.map(({ address }) =>
        nearest === undefined ? undefined : addressProblem(hostname, address, nearest),
      );
      const allowed = found.filter((_, index) => problems[index] === undefined);
      const [first] = allowed;
      if (first === undefined) callback(new RejectedAddress(problems[0] ?? `${hostname} has no address`), '');
      else if (options.all === true) callback(null, allowed);
      else callback(null, first.address, first.family);
    };
    if (isLoopbackHost(hostname)) {
      const { family } = options;
      const isWanted = (address: LookupAddress): boolean =>
        family === undefined ||
        family === 0 ||
        `IPv${address.family}` === family ||
        address.family === family;
      resolved(LOOPBACK_ADDRESSES.filter(isWanted));
      return;
    }
    lookup(hostname, { ...options, all: true }, (error, found) => {
      if (error === null) resolved(found as readonly LookupAddress[]);
      else callback(error, '');
    });
  };
}

/** A host name without an allowed address. Never leaves `http`. */
export class RejectedAddress extends Error {
  /** A clause to follow a colon. */
  readonly problem: string;

  constructor(problem: string) {
    super(problem);
    this.problem = problem;
  }

  /** Returns the RejectedAddress among an error and its causes. */
  static in(error: unknown): RejectedAddress | undefined {
    for (let inner = error; inner instanceof Error; inner = inner.cause) {
      if (inner instanceof RejectedAddress) return inner;
    }
    return undefined;
  }
}
