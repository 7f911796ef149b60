import { describe, expect, it, onTestFinished } from 'vitest';

import { TransportResolver } from '../../src/client/transport-resolver.js';
import type { HttpClient } from '../../src/http/message.js';
import { parseRegistryHost } from '../../src/oci/reference.js';
import { BorrowedNames } from '../support/borrowed-names.js';
import { startRegistry } from '../support/open-repository.js';

const NAMED = 'named.example';
const OTHER = 'other.example';

/** A client for requests to `NAMED`, whose certificate and that of `OTHER` are of an unknown authority. */
async function connect(insecure: boolean): Promise<HttpClient> {
  const port = Number((await startRegistry()).host.split(':')[1]);
  const names = await BorrowedNames.start({ [NAMED]: port, [OTHER]: port });
  onTestFinished(() => names.stop());
  const transports = new TransportResolver({
    insecure,
    retries: 0,
    env: { HTTPS_PROXY: names.proxy.url },
    homeDirectory: '/nowhere',
    userAgent: 'test',
  });
  onTestFinished(() => transports.close());
  return transports.connectTo(parseRegistryHost(NAMED));
}

async function statusOf(http: HttpClient, host: string): Promise<number> {
  const response = await http.send({ method: 'GET', url: new URL(`https://${host}/v2/`) });
  response.discard();
  return response.status;
}

describe('insecure', () => {
  it('skips the verification of certificates for the hosts that calls name', async () => {
    expect(await statusOf(await connect(true), NAMED)).toBe(200);
  });

  it('does not skip it for any other host, where a named one may redirect to', async () => {
    await expect(statusOf(await connect(true), OTHER)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('does not skip it unless it is set', async () => {
    await expect(statusOf(await connect(false), NAMED)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
