import { describe, expect, it } from 'vitest';

import { ArgumentError } from '../../src/oci/errors.js';
import { parseDigest } from '../../src/oci/digest.js';
import {
  familiarLocation,
  formatImageLocation,
  isExplicitRegistryName,
  isTargetLocation,
  isUntagged,
  parseImageLocation,
  withDigest,
  withTag,
} from '../../src/oci/image-location.js';
import { parseTag } from '../../src/oci/reference.js';

const digest = `sha256:${'ab'.repeat(32)}`;

describe('parseImageLocation', () => {
  it.each([
    ['app', 'docker.io/library/app:latest', 'app:latest'],
    ['app:1.10', 'docker.io/library/app:1.10', 'app:1.10'],
    ['docker://app:1.2', 'docker.io/library/app:1.2', 'app:1.2'],
    [`docker://r.example:5000/a/b@${digest}`, `r.example:5000/a/b@${digest}`, `r.example:5000/a/b@${digest}`],
    ['docker:dind', 'docker.io/library/docker:dind', 'docker:dind'],
    ['dir:1', 'docker.io/library/dir:1', 'dir:1'],
    ['oci', 'docker.io/library/oci:latest', 'docker://oci:latest'],
    ['docker://oci:1.2', 'docker.io/library/oci:1.2', 'docker://oci:1.2'],
    ['docker://oci:5000/app:1', 'docker://oci:5000/app:1', 'docker://oci:5000/app:1'],
  ])('reads %s in a registry', (text, full, familiar) => {
    const location = parseImageLocation(text);
    expect(location.transport).toBe('registry');
    expect(formatImageLocation(location)).toBe(full);
    expect(familiarLocation(location)).toBe(familiar);
    expect(parseImageLocation(full)).toStrictEqual(location);
    expect(parseImageLocation(familiar)).toStrictEqual(location);
  });

  it.each([
    ['oci:out', { path: 'out' }],
    ['oci:./out:1.2', { path: './out', tag: '1.2' }],
    ['oci:1.2', { path: '1.2' }],
    ['oci:../a b/é:latest', { path: '../a b/é', tag: 'latest' }],
    ['oci:/srv/out/', { path: '/srv/out' }],
    ['oci:/', { path: '/' }],
    ['oci:/:1', { path: '/', tag: '1' }],
    ['oci:a:b:c', { path: 'a', tag: 'b:c' }],
    ['oci:a:b/c', { path: 'a', tag: 'b/c' }],
    ['oci:multi:localhost/app:latest', { path: 'multi', tag: 'localhost/app:latest' }],
    ['oci:dist:docker.io/library/app:1.2', { path: 'dist', tag: 'docker.io/library/app:1.2' }],
    ['oci:dist:1.2+b5', { path: 'dist', tag: '1.2+b5' }],
    ['oci:dist:a@b', { path: 'dist', tag: 'a@b' }],
    ['oci:dist:app@1', { path: 'dist', tag: 'app@1' }],
    ['oci:dist:a--b', { path: 'dist', tag: 'a--b' }],
    ['oci:dist:v1__2', { path: 'dist', tag: 'v1__2' }],
    [`oci:dist:${'a'.repeat(129)}`, { path: 'dist', tag: 'a'.repeat(129) }],
    ['oci:dist:@0', { path: 'dist', position: 0 }],
    ['oci:dist:@12', { path: 'dist', position: 12 }],
    ['oci:/srv/a:b/', { path: '/srv/a:b' }],
    ['oci:/srv/a:b/c/:1.2', { path: '/srv/a:b/c', tag: '1.2' }],
    ['oci:/srv/a:b/:localhost/app:1', { path: '/srv/a:b', tag: 'localhost/app:1' }],
    [`oci:/srv/a:b/@${digest}`, { path: '/srv/a:b', digest }],
    ['oci:/srv/a:b/:@1', { path: '/srv/a:b', position: 1 }],
    ['oci:C:/a:b', { path: 'C:/a', tag: 'b' }],
    ['oci:C:b', { path: 'C', tag: 'b' }],
    ['oci:C:\\images', { path: 'C:\\images' }],
    ['oci:C:\\images:1.2', { path: 'C:\\images', tag: '1.2' }],
    ['oci:C:/images', { path: 'C:/images' }],
    [`oci:out@${digest}`, { path: 'out', digest }],
    [`oci:me@home/out@${digest}`, { path: 'me@home/out', digest }],
    ['oci:me@home:latest', { path: 'me@home', tag: 'latest' }],
    [`oci:C:\\images@${digest}`, { path: 'C:\\images', digest }],
    ['oci-layout://out', { path: 'out', tag: 'latest' }],
    ['oci-layout:///', { path: '/', tag: 'latest' }],
    ['oci-layout:///srv/out:1.3', { path: '/srv/out', tag: '1.3' }],
    ['oci-layout:///srv/@/out', { path: '/srv/@/out', tag: 'latest' }],
    ['oci-layout://C:\\images:1.3', { path: 'C:\\images', tag: '1.3' }],
    ['oci-layout://C:/images', { path: 'C:/images', tag: 'latest' }],
    ['oci-layout://a:b:c', { path: 'a:b', tag: 'c' }],
    [`oci-layout://out@${digest}`, { path: 'out', digest }],
    [`oci-layout://out:1.3@${digest}`, { path: 'out', digest }],
    ['ocidir://out', { path: 'out', tag: 'latest' }],
    ['ocidir://../out/:v1', { path: '../out', tag: 'v1' }],
    [`ocidir:///out:v1@${digest}`, { path: '/out', digest }],
  ])('reads %s as a layout', (text, expected) => {
    const location = parseImageLocation(text);
    expect(location).toStrictEqual({ transport: 'oci', ...expected });
    expect(parseImageLocation(formatImageLocation(location))).toStrictEqual(location);
    expect(familiarLocation(location)).toBe(formatImageLocation(location));
  });

  it.each([
    ['oci-archive:out.tar', { path: 'out.tar' }],
    ['oci-archive:./out.tar:1.2', { path: './out.tar', tag: '1.2' }],
    ['oci-archive:a.tar:docker.io/library/app:1.2', { path: 'a.tar', tag: 'docker.io/library/app:1.2' }],
    ['oci-archive:a.tar:@1', { path: 'a.tar', position: 1 }],
    [`oci-archive:/srv/a:b/out.tar/@${digest}`, { path: '/srv/a:b/out.tar', digest }],
    ['oci-archive:C:\\images\\out.tar:1.2', { path: 'C:\\images\\out.tar', tag: '1.2' }],
  ])('reads %s as a tar file of a layout', (text, expected) => {
    const location = parseImageLocation(text);
    expect(location).toStrictEqual({ transport: 'oci-archive', ...expected });
    expect(parseImageLocation(formatImageLocation(location))).toStrictEqual(location);
  });

  it.each([
    ['docker-archive:app.tar', 'app.tar', undefined, 'docker-archive:app.tar'],
    [
      'docker-archive:app.tar:app',
      'app.tar',
      'app:latest',
      'docker-archive:app.tar:docker.io/library/app:latest',
    ],
    ['docker-archive:./a/app.tar:r.example:5000/app:1', './a/app.tar', 'r.example:5000/app:1', undefined],
    ['docker-archive:C:\\app.tar:app:1', 'C:\\app.tar', 'app:1', undefined],
    ['docker-archive:C:/app.tar', 'C:/app.tar', undefined, undefined],
    [`docker-archive:app.tar@${digest}`, 'app.tar', undefined, undefined],
    ['docker-archive:app.tar:@0', 'app.tar', undefined, 'docker-archive:app.tar:@0'],
    ['docker-archive:/srv/a:b/app.tar/:app:1', '/srv/a:b/app.tar', undefined, undefined],
  ])('reads %s as a file of docker save', (text, path, name, full) => {
    const location = parseImageLocation(text);
    expect(location).toMatchObject({ transport: 'docker-archive', path });
    expect(familiarLocation(location)).toContain(name === undefined ? path : `${path}:${name}`);
    if (full !== undefined) expect(formatImageLocation(location)).toBe(full);
    for (const format of [formatImageLocation, familiarLocation]) {
      expect(parseImageLocation(format(location))).toStrictEqual(location);
    }
  });

  it('parses docker-daemon:app as an image of the daemon', () => {
    const location = parseImageLocation('docker-daemon:app');
    expect(location.transport).toBe('docker-daemon');
    expect(formatImageLocation(location)).toBe('docker-daemon:docker.io/library/app:latest');
    expect(familiarLocation(location)).toBe('docker-daemon:app:latest');
    expect(parseImageLocation(familiarLocation(location))).toStrictEqual(location);
  });

  it.each(['oci-archive', 'docker-archive', 'docker-daemon'])('reads docker://%s:1 in a registry', (name) => {
    const location = parseImageLocation(`docker://${name}:1`);
    expect(location.transport).toBe('registry');
    expect(familiarLocation(location)).toBe(`docker://${name}:1`);
  });

  it.each([
    ['oci:', 'the directory is missing'],
    ['oci::1', 'the directory is missing'],
    [`oci:@${digest}`, 'the directory is missing'],
    ['oci:out:', 'the tag is empty'],
    ['oci://r.example/app', '"//" does not start the path of a directory'],
    [`oci:out:1.2@${digest}`, 'it has both a tag and a digest'],
    [`oci:out:docker.io/library/app@${digest}`, 'it has both a tag and a digest'],
    ['oci:out:a b', '"a b" is not a tag'],
    ['oci:out:.x', '".x" is not a tag'],
    ['oci:out:-x', '"-x" is not a tag'],
    ['oci:out:a//b', '"a//b" is not a tag'],
    ['oci:out:/x', '"/x" is not a tag'],
    ['oci:out:a:', '"a:" is not a tag'],
    ['oci:out:a+-b', '"a+-b" is not a tag'],
    ['oci:out:é', '"é" is not a tag'],
    ['oci:out:@', '"@" is not a tag'],
    ['oci:out:@-1', '"@-1" is not a tag'],
    [`oci:out:${digest}`, 'is not a tag'],
    ['oci-archive:a.tar:a b', '"a b" is not a tag'],
    ['oci:out@sha256:abc', 'sha256 has 64 hexadecimal digits, this has 3'],
    ['oci:out@sha256:', 'sha256 has 64 hexadecimal digits, this has 0'],
    ['oci-archive:', 'the file is missing'],
    ['oci-archive:app.tar:', 'the tag is empty'],
    ['oci-archive://r.example/app', '"//" does not start the path of a file'],
    [`oci-archive:app.tar:1.2@${digest}`, 'it has both a tag and a digest'],
    ['docker-archive:', 'the file is missing'],
    ['docker-archive::app:1', 'the file is missing'],
    ['docker-archive:app.tar:', 'the reference is empty'],
    ['docker-archive:app.tar:App', 'repository names are lower case'],
    [`docker-archive:app.tar:app@${digest}`, 'it has both a reference and a digest'],
    ['docker-archive:app.tar@sha256:abc', 'sha256 has 64 hexadecimal digits, this has 3'],
    ['docker-daemon:', 'has no image name'],
    ['docker-daemon:App', 'repository names are lower case'],
    ['docker://', 'it is empty'],
    ['https://r.example/app', 'a reference has no scheme'],
    ['ocidir://', 'the directory is missing'],
    ['oci-layout://:1', 'the directory is missing'],
    ['oci-layout:////srv/out:1', '"//" does not start the path of a directory'],
    ['oci-layout:///@a:1', 'the digest "a:1" is neither sha256 nor sha512'],
    ['ocidir://out:1@blake3:abc', 'the digest "blake3:abc" is neither sha256 nor sha512'],
    ['oci-layout://out@sha256:abc', 'sha256 has 64 hexadecimal digits, this has 3'],
    ['ocidir:////', '"//" does not start the path of a directory'],
    ['docker-image://app', 'a reference has no scheme'],
    ['r.example/App', 'repository names are lower case'],
    ['', 'it is empty'],
  ])('rejects %j: %s', (text, problem) => {
    expect(() => parseImageLocation(text)).toThrow(ArgumentError);
    expect(() => parseImageLocation(text)).toThrow(problem);
  });
});

describe('formatImageLocation', () => {
  it.each([
    ['a:b', 'oci:a:b/'],
    [`a@${digest}`, `oci:a@${digest}/`],
    ['a@sha256:', 'oci:a@sha256:/'],
    ['a:b/c', 'oci:a:b/c/'],
  ])('keeps the path %s apart from a tag', (path, text) => {
    expect(formatImageLocation({ transport: 'oci', path })).toBe(text);
    expect(parseImageLocation(text)).toStrictEqual({ transport: 'oci', path });
  });
});

describe('isTargetLocation', () => {
  it.each([
    ['app:1', true],
    ['oci:out:1', true],
    ['oci-archive:out.tar:1', true],
    ['oci:out:@0', false],
    ['docker-archive:app.tar', false],
    ['docker-daemon:app:1', false],
  ])('%s: %s', (text, expected) => {
    expect(isTargetLocation(parseImageLocation(text))).toBe(expected);
  });
});

describe('isUntagged', () => {
  it.each([
    ['app', true],
    ['docker://app', true],
    ['localhost:5000/app', true],
    ['oci:out', true],
    ['oci-archive:out.tar', true],
    ['app:latest', false],
    ['localhost:5000/app:1', false],
    [`app@${digest}`, false],
    ['oci:out:latest', false],
    [`oci:out@${digest}`, false],
    ['(memory):1', false],
    ['docker-archive:app.tar', false],
    ['docker-daemon:app', false],
  ])('%s: %s', (text, expected) => {
    expect(isUntagged(text)).toBe(expected);
  });
});

describe('isExplicitRegistryName', () => {
  it.each([
    ['docker://app:1', true],
    ['docker://oci:5000/app', true],
    ['app:1', false],
    ['docker:1', false],
    ['docker-daemon:app:1', false],
    ['oci:docker://app', false],
  ])('%s: %s', (text, expected) => {
    expect(isExplicitRegistryName(text)).toBe(expected);
  });
});

describe('withTag and withDigest', () => {
  it.each([
    ['app:1', 'docker.io/library/app:2', `docker.io/library/app@${digest}`],
    [`app:1@${digest}`, 'docker.io/library/app:2', `docker.io/library/app@${digest}`],
    ['oci:out:1', 'oci:out:2', `oci:out@${digest}`],
    ['oci-archive:out.tar', 'oci-archive:out.tar:2', `oci-archive:out.tar@${digest}`],
    ['docker-archive:app.tar:app:1', undefined, `docker-archive:app.tar@${digest}`],
    ['docker-daemon:app:1', undefined, `docker-daemon:docker.io/library/app@${digest}`],
  ])('of %s', (text, tagged, named) => {
    const location = parseImageLocation(text);
    if (isTargetLocation(location)) {
      expect(formatImageLocation(withTag(location, parseTag('2')))).toBe(tagged);
    }
    expect(formatImageLocation(withDigest(location, parseDigest(digest)))).toBe(named);
  });
});
