import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { describe, expect, it } from 'vitest';

import { certificateDirectories, findCertificates } from '../../../src/http/tls/certs-directory.js';
import { FailedError } from '../../../src/oci/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

/** Creates directories `a` and `b` with these files. Returns the files found for a host, as relative paths. */
async function find(files: readonly string[], host: string): Promise<unknown> {
  const root = await temporaryDirectory();
  for (const file of files) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), '');
  }
  const found = findCertificates(host, [join(root, 'missing'), join(root, 'a'), join(root, 'b')]);
  return JSON.parse(JSON.stringify(found).replaceAll(`${root}/`, ''));
}

const nothing = { authorities: [], pairs: [], unreadable: [] };

describe('a certs.d directory', () => {
  it('has authorities and pairs; other files are ignored', async () => {
    const names = ['z.crt', 'a.crt', 'x.cert', 'x.key', 'b.cert', 'b.key', 'README', 'ca.pem', 'crt'];
    expect(
      await find(
        names.map((name) => `a/r.example:5000/${name}`),
        'r.example:5000',
      ),
    ).toEqual({
      authorities: ['a/r.example:5000/a.crt', 'a/r.example:5000/z.crt'],
      pairs: [
        { cert: 'a/r.example:5000/b.cert', key: 'a/r.example:5000/b.key' },
        { cert: 'a/r.example:5000/x.cert', key: 'a/r.example:5000/x.key' },
      ],
      unreadable: [],
    });
  });

  it('is the first that exists, even if it is empty', async () => {
    expect(await find(['a/r.example/ca.crt', 'b/r.example/ca.crt'], 'r.example')).toMatchObject({
      authorities: ['a/r.example/ca.crt'],
    });
    expect(await find(['b/r.example/ca.crt'], 'r.example')).toMatchObject({
      authorities: ['b/r.example/ca.crt'],
    });
    expect(await find(['a/r.example/README', 'b/r.example/ca.crt'], 'r.example')).toEqual(nothing);
  });

  it.each([
    ['r.example', 'r.example:5000'],
    ['r.example:5000', 'r.example'],
    ['r.example:5000', 'r.example:50000'],
    ['r.example', 'other.r.example'],
    ['ca.crt', '.'],
    ['ca.crt', '..'],
    ['ca.crt', ''],
  ])('named %j is not one for %j', async (name, host) => {
    expect(await find([`a/${name}/ca.crt`, 'a/loose.crt', 'loose.crt'], host)).toEqual(nothing);
  });

  it('may be named with the port that URLs leave out', async () => {
    expect(await find(['a/r.example:443/ca.crt'], 'r.example')).toMatchObject({
      authorities: ['a/r.example:443/ca.crt'],
    });
  });

  it('that is a file is ignored', async () => {
    expect(await find(['a/r.example', 'b/r.example/ca.crt'], 'r.example')).toMatchObject({
      authorities: ['b/r.example/ca.crt'],
      unreadable: [],
    });
  });

  it.each([
    [
      'client.cert',
      /a\/r\.example\/client\.cert is a client certificate without its key.*client\.key is missing$/,
    ],
    [
      'client.key',
      /a\/r\.example\/client\.key is a key without its client certificate.*client\.cert is missing$/,
    ],
  ])('with %s alone is an error', async (name, reason) => {
    const finding = find([`a/r.example/${name}`, 'a/r.example/other.crt'], 'r.example');
    await expect(finding).rejects.toThrow(FailedError);
    await expect(finding).rejects.toThrow(reason);
  });
});

describe('the directories', () => {
  it('are those of containers, then docker’s; the user’s before the system’s', () => {
    expect(certificateDirectories({}, '/home/jane')).toEqual([
      '/home/jane/.config/containers/certs.d',
      '/etc/containers/certs.d',
      '/home/jane/.config/docker/certs.d',
      '/etc/docker/certs.d',
    ]);
    expect(certificateDirectories({ XDG_CONFIG_HOME: '/cfg' }, '/home/jane')[2]).toBe('/cfg/docker/certs.d');
    expect(certificateDirectories({ XDG_CONFIG_HOME: '' }, '/h')[2]).toBe('/h/.config/docker/certs.d');
  });
});
