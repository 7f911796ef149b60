import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';

import { startRegistry, type RunningRegistry } from '../support/docker-registry.js';
import { pair as images } from '../support/images.js';
import { describeIntegration } from '../support/integration.js';
import { skopeo } from '../support/peers.js';
import { multiarch, mustRun, type RunResult } from '../support/run.js';
import { makeSandbox, type Sandbox } from '../support/sandbox.js';
import { writeLayout } from '../support/tiny-image.mjs';

/** Of the images in it. */
const digests = images.images.map(({ manifest }) => manifest.digest);

describeIntegration(
  'a registry that wants a client certificate',
  ['docker-registry', 'openssl', 'skopeo'],
  () => {
    let registry: RunningRegistry;
    let sandbox: Sandbox;
    beforeAll(async () => {
      const started = await startRegistry({ tls: 'client-certificate' });
      // What is trusted on a loopback address without a look is not to pass here by that.
      registry = { ...started, host: started.host.replace('127.0.0.1', '0.0.0.0') };
    });
    afterAll(() => registry.stop());
    beforeEach(async () => {
      sandbox = await makeSandbox();
      await writeLayout(join(sandbox.directory, 'layout'), images, 'all');
    });
    afterEach(() => sandbox.remove());

    /** Puts files into a directory of the sandbox's that is named after the registry; gives its path. */
    async function configure(
      files: Readonly<Record<string, string | undefined>>,
      { host = registry.host, place = 'containers' } = {},
    ): Promise<string> {
      const certs = join(sandbox.directory, 'home', '.config', place, 'certs.d', host);
      await mkdir(certs, { recursive: true });
      for (const [name, from] of Object.entries(files)) {
        if (from !== undefined) await copyFile(from, join(certs, name));
      }
      return certs;
    }
    const authority = () => ({ 'ca.crt': registry.caFile });
    const pair = () => ({
      'client.cert': registry.client?.certFile,
      'client.key': registry.client?.keyFile,
    });

    function push(tag: string, env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
      const source = `oci:${join(sandbox.directory, 'layout')}:all`;
      const target = `${registry.host}/app:${tag}`;
      return multiarch(sandbox, ['create', target, source, '--push', '--purge'], { env });
    }

    it.each(['containers', 'docker'])('gets it from the certs.d directory of %s', async (place) => {
      const certs = await configure({ ...authority(), ...pair() }, { place });

      const pushed = await push(place);
      const inspected = await skopeo(sandbox, [
        'inspect',
        '--raw',
        '--cert-dir',
        certs,
        `docker://${registry.host}/app:${place}`,
      ]);

      expect(pushed).toMatchObject({ code: 0 });
      expect(digestsIn(inspected)).toEqual(digests);
    });

    it('gets it on a loopback address, where it is not verified itself', async () => {
      const host = registry.host.replace('0.0.0.0', '127.0.0.1');
      await configure(pair(), { host });
      const source = `oci:${join(sandbox.directory, 'layout')}:all`;
      const args = ['create', `${host}/app:loopback`, source, '--push', '--purge'];
      expect(await multiarch(sandbox, args)).toMatchObject({ code: 0 });
    });

    it('gets it with the authority in SSL_CERT_FILE', async () => {
      await configure(pair());
      expect(await push('env', { SSL_CERT_FILE: registry.caFile ?? '' })).toMatchObject({ code: 0 });
    });

    it('says that it wants one', async () => {
      await configure(authority());
      const { code, stderr } = await push('none');
      expect(code).toBe(6);
      expect(stderr).toContain(`${registry.host} requires a client certificate`);
      expect(stderr).toMatch(/^hint: .*--cert FILE and --key FILE.*client\.cert and client\.key/m);
    });

    it('says that it refuses one of its own making', async () => {
      const [cert, key] = [join(sandbox.directory, 'own.pem'), join(sandbox.directory, 'own.key')];
      const words = `req -x509 -newkey rsa:2048 -nodes -subj /CN=nobody -days 1 -keyout ${key} -out ${cert}`;
      await mustRun('openssl', words.split(' '));
      await configure({ ...authority(), 'client.cert': cert, 'client.key': key });
      const { code, stderr } = await push('own');
      expect(code).toBe(6);
      expect(stderr).toContain(`${registry.host} rejected the client certificate`);
    });

    it('is not asked while something is wrong with the files', async () => {
      const certs = await configure({ ...authority(), 'client.cert': registry.client?.certFile });
      const alone = await push('alone');
      await writeFile(join(certs, 'client.key'), 'nonsense');
      const nonsense = await push('nonsense');

      expect(alone).toMatchObject({ code: 1, stdout: '' });
      expect(alone.stderr).toContain(`${certs}/client.cert is a client certificate without its key`);
      expect(nonsense).toMatchObject({ code: 1, stdout: '' });
      expect(nonsense.stderr).toContain(`${certs}/client.key has no key in PEM format`);
    });
  },
);

/** Of the images in the index that a command printed. */
function digestsIn({ stdout }: RunResult): readonly string[] {
  const { manifests } = JSON.parse(stdout) as { manifests: readonly { digest: string }[] };
  return manifests.map(({ digest }) => digest);
}
