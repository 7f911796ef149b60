import { describe, expect, it, onTestFinished } from 'vitest';

import { TransportResolver } from '../../src/client/transport-resolver.js';
import type { HttpClient } from '../../src/http/message.js';
import { parseRegistryHost } from '../../src/oci/reference.js';
import { BorrowedNames } from '../support/borrowed-names.js';
import { startRegistry } from '../support/open-repository.js';

const NAMED = 'named.example';
const OTHER = 'other.example';

/** The transports of a client. The certificates of `NAMED` and `OTHER` are of an unknown authority. */
async function open(insecure: boolean): Promise<TransportResolver> {
  const port = Number((await startRegistry()).host.split(':')[1]);
  const names = await BorrowedNames.start({ [NAMED]: port, [OTHER]: port });
  onTestFinished(() => names.stop());
  const transports = new TransportResolver({
    insecure,
    retries: 0,
    env: { HTTPS_PROXY: names.proxy.url },
    homeDirectory: '/nowhere',
    platform: process.platform,
  });
  onTestFinished(() => transports.close());
  return transports;
}

async function connect(insecure: boolean): Promise<HttpClient> {
  return (await open(insecure)).connectTo(parseRegistryHost(NAMED));
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

  it('verifies any other host that a named one may redirect to', async () => {
    await expect(statusOf(await connect(true), OTHER)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('verifies all hosts unless it is set', async () => {
    await expect(statusOf(await connect(false), NAMED)).rejects.toMatchObject({ kind: 'unavailable' });
  });

  it('verifies a host until the first call that names it', async () => {
    const transports = await open(true);
    const http = await transports.connectTo(parseRegistryHost(NAMED));
    await expect(statusOf(http, OTHER)).rejects.toMatchObject({ kind: 'unavailable' });
    await transports.connectTo(parseRegistryHost(OTHER));
    expect(await statusOf(http, OTHER)).toBe(200);
  });

  it('applies to a named host until the client is closed, since a later call may read its sources', async () => {
    const transports = await open(true);
    await transports.connectTo(parseRegistryHost(NAMED));
    const later = await transports.connectTo(parseRegistryHost(OTHER));
    expect(await statusOf(later, NAMED)).toBe(200);
  });

  it('does not apply to the hosts that another client names', async () => {
    await connect(true);
    const other = await (await open(true)).connectTo(parseRegistryHost(OTHER));
    await expect(statusOf(other, NAMED)).rejects.toMatchObject({ kind: 'unavailable' });
  });
});
