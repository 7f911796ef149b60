import { describe, expect, it, onTestFinished } from 'vitest';

import type { RegistrySettings } from '../../src/client/registry-settings.js';
import { TransportResolver } from '../../src/client/transport-resolver.js';
import { Multiarch } from '../../src/client/multiarch.js';
import { ArgumentError } from '../../src/oci/errors.js';
import { parseRegistryHost } from '../../src/oci/reference.js';
import { BorrowedNames } from '../support/borrowed-names.js';
import { startRegistry } from '../support/open-repository.js';

const ONE = 'one.example';
const OTHER = 'other.example';

/** The status of a registry whose certificate is of an unknown authority, or the kind of the error. */
async function statusOf(
  host: string,
  insecure: boolean | undefined,
  settings: RegistrySettings,
): Promise<number | string> {
  const port = Number((await startRegistry()).host.split(':')[1]);
  const names = await BorrowedNames.start({ [ONE]: port, [OTHER]: port });
  onTestFinished(() => names.stop());
  const transports = new TransportResolver({
    insecure,
    registries: new Map([[parseRegistryHost(ONE), settings]]),
    retries: 0,
    env: { HTTPS_PROXY: names.proxy.url },
    homeDirectory: '/nowhere',
    platform: process.platform,
  });
  onTestFinished(() => transports.close());
  const http = await transports.connectTo(parseRegistryHost(host));
  return http.send({ method: 'GET', url: new URL(`https://${host}/v2/`) }).then(
    (response) => {
      response.discard();
      return response.status;
    },
    (error: { kind: string }) => error.kind,
  );
}

describe('the settings of one registry', () => {
  it.each<[string, boolean | undefined, RegistrySettings, number | string]>([
    [ONE, undefined, { insecure: true }, 200],
    [ONE, false, { insecure: true }, 200],
    [ONE, true, { insecure: false }, 'unavailable'],
    [ONE, true, {}, 200],
    [ONE, true, { insecure: undefined }, 200],
    [OTHER, undefined, { insecure: true }, 'unavailable'],
    [OTHER, true, { insecure: false }, 200],
  ])(
    'take precedence over those of the client: %s with %s and %j',
    async (host, insecure, settings, expected) => {
      expect(await statusOf(host, insecure, settings)).toBe(expected);
    },
  );

  it('need the host of a registry', () => {
    expect(() => new Multiarch({ registries: { 'a b': {} } })).toThrow(ArgumentError);
  });
});
