import { describe, expect, it } from 'vitest';

import { amd64, arm64 } from '../support/images.js';
import { startCommandLine } from '../support/in-process.js';

describe('a registry by a name below localhost', () => {
  it.each(['localhost', 'registry.localhost', 'a.b.localhost'])(
    '%s is on this machine, with a login over plain HTTP',
    async (name) => {
      const { host, registry, run } = await startCommandLine({
        images: { amd64, arm64 },
        registry: { auth: { kind: 'bearer', username: 'jane', password: 'secret' } },
      });
      const app = `${name}:${host.split(':')[1] ?? ''}/app`;
      const login = ['--username', 'jane', '--password-stdin'];
      // A proxy must not get the request either.
      const env = { ALL_PROXY: 'http://127.0.0.1:9' };
      const argv = ['create', `${app}:1`, `${app}:amd64`, `${app}:arm64`, '--push', ...login];
      const { code, stdout, stderr } = await run(argv, { env, stdin: 'secret\n' });
      expect({ code, stdout }, stderr).toEqual({
        code: 0,
        stdout: `${registry.manifest('app', '1')?.digest}\n`,
      });
    },
  );
});
