import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { describe, expect, it } from 'vitest';

import {
  describeHost,
  dockerHost,
  readCertificates,
  type DockerHost,
} from '../../../src/http/docker/docker-host.js';
import { FailedError, MultiarchError } from '../../../src/oci/errors.js';
import { temporaryDirectory } from '../../support/temporary-directory.js';

const HOME = '/nowhere/home';

function hostOf(env: NodeJS.ProcessEnv, platform: NodeJS.Platform = 'linux'): DockerHost {
  return dockerHost({ env, homeDirectory: HOME, platform });
}

function failure(env: NodeJS.ProcessEnv, platform?: NodeJS.Platform): MultiarchError {
  try {
    hostOf(env, platform);
  } catch (error) {
    if (error instanceof MultiarchError) return error;
    throw error;
  }
  throw new Error('it does not fail');
}

describe('DOCKER_HOST', () => {
  it.each<[value: string, shown: string]>([
    ['unix:///run/user/1000/docker.sock', '/run/user/1000/docker.sock'],
    ['unix:///a b/docker.sock', '/a b/docker.sock'],
    ['tcp://docker.example.com:2375', 'docker.example.com:2375'],
    ['tcp://docker.example.com', 'docker.example.com:2375'],
    ['tcp://127.0.0.1:80', '127.0.0.1:80'],
    ['tcp://[::1]:2375', '[::1]:2375'],
    ['tcp://[::1]', '[::1]:2375'],
    ['docker.example.com:4000', 'docker.example.com:4000'],
  ])('%s is %s', (value, expected) => {
    expect(describeHost(hostOf({ DOCKER_HOST: value }))).toBe(expected);
  });

  it('may have a path, which becomes a prefix of requests', () => {
    expect(hostOf({ DOCKER_HOST: 'tcp://proxy:1/docker/one/' })).toEqual({
      kind: 'tcp',
      hostname: 'proxy',
      port: 1,
      prefix: '/docker/one',
    });
  });

  it('may be a named pipe of Windows', () => {
    expect(hostOf({ DOCKER_HOST: 'npipe:////./pipe/docker_engine' }, 'win32')).toEqual({
      kind: 'socket',
      path: '//./pipe/docker_engine',
    });
    expect(hostOf({}, 'win32')).toEqual({ kind: 'socket', path: '//./pipe/docker_engine' });
  });

  it.each<[env: NodeJS.ProcessEnv, certificates: string | undefined, port: number]>([
    [{}, undefined, 2375],
    [{ DOCKER_TLS_VERIFY: '' }, undefined, 2375],
    [{ DOCKER_CERT_PATH: '/certs' }, undefined, 2375],
    [{ DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/certs' }, '/certs', 2376],
    [{ DOCKER_TLS_VERIFY: '1', DOCKER_CONFIG: '/config' }, '/config', 2376],
    [{ DOCKER_TLS_VERIFY: '1' }, join(HOME, '.docker'), 2376],
  ])('speaks TLS with %j', (env, certificates, port) => {
    expect(hostOf({ ...env, DOCKER_HOST: 'tcp://h' })).toEqual({
      kind: 'tcp',
      hostname: 'h',
      prefix: '',
      port,
      ...(certificates !== undefined && { certificates }),
    });
  });

  it.each<[value: string, message: string]>([
    ['ssh://user@host', 'a daemon over ssh is not supported'],
    ['unix://docker.sock', 'unix:// needs an absolute path'],
    ['unix://', 'unix:// needs an absolute path'],
    ['npipe:////./pipe/docker_engine', 'npipe:// is for Windows only'],
    ['fd://', 'it must begin with unix://, tcp:// or npipe://'],
    ['tcp://', 'missing host or invalid port'],
    ['tcp://host:99999', 'missing host or invalid port'],
    ['tcp://user:secret@host:1', 'it must not have a user name or password'],
    ['tcp://host:1/?x=secret', 'it must not have a query or fragment'],
  ])('%s is invalid', (value, message) => {
    const error = failure({ DOCKER_HOST: value });
    expect([error.kind, error.message]).toEqual(['argument', `DOCKER_HOST cannot be used: ${message}`]);
    expect(error.hint).not.toContain('secret');
  });

  it('over ssh: the hint names an alternative', () => {
    expect(failure({ DOCKER_HOST: 'ssh://host' }).hint).toBe(
      'Run `docker save IMAGE -o FILE`, and use docker-archive:FILE.',
    );
  });
});

describe('without DOCKER_HOST', () => {
  it('the socket of rootless docker is used if that of root is missing', async () => {
    const runtime = await temporaryDirectory();
    await writeFile(join(runtime, 'docker.sock'), '');
    expect([join(runtime, 'docker.sock'), '/var/run/docker.sock']).toContain(
      describeHost(hostOf({ DOCKER_HOST: '', XDG_RUNTIME_DIR: runtime })),
    );
  });
});

describe('certificates', () => {
  it('are the files that exist', async () => {
    const directory = await temporaryDirectory();
    expect(await readCertificates(directory)).toEqual({});
    await writeFile(join(directory, 'ca.pem'), 'authority');
    await writeFile(join(directory, 'key.pem'), 'key');
    expect(await readCertificates(directory)).toEqual({
      ca: Buffer.from('authority'),
      key: Buffer.from('key'),
    });
  });

  it('must be files', async () => {
    const directory = await temporaryDirectory();
    await writeFile(join(directory, 'file'), '');
    await expect(readCertificates(join(directory, 'file'))).rejects.toBeInstanceOf(FailedError);
  });
});
