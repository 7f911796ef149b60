import { describe, expect, it } from 'vitest';

import { ArgumentError } from '../../src/oci/errors.js';
import {
  familiarLocation,
  formatImageLocation,
  parseImageLocation,
  sameLocation,
} from '../../src/oci/image-location.js';

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
    ['oci:a:b:c', { path: 'a:b', tag: 'c' }],
    ['oci:/srv/a:b/c', { path: '/srv/a:b/c' }],
    ['oci:/srv/a:b/', { path: '/srv/a:b' }],
    ['oci:/srv/a:b c', { path: '/srv/a:b c' }],
    ['oci:C:\\images', { path: 'C:\\images' }],
    ['oci:C:\\images:1.2', { path: 'C:\\images', tag: '1.2' }],
    ['oci:C:/images', { path: 'C:/images' }],
    [`oci:out@${digest}`, { path: 'out', digest }],
    [`oci:me@home/out@${digest}`, { path: 'me@home/out', digest }],
    ['oci:me@home:latest', { path: 'me@home', tag: 'latest' }],
    [`oci:C:\\images@${digest}`, { path: 'C:\\images', digest }],
  ])('reads %s as a layout', (text, expected) => {
    const location = parseImageLocation(text);
    expect(location).toStrictEqual({ transport: 'oci', ...expected });
    expect(parseImageLocation(formatImageLocation(location))).toStrictEqual(location);
    expect(familiarLocation(location)).toBe(formatImageLocation(location));
  });

  it.each([
    ['oci:', 'it names no directory'],
    ['oci::1', 'it names no directory'],
    [`oci:@${digest}`, 'it names no directory'],
    ['oci:out:', 'the tag is empty'],
    ['oci://r.example/app', 'this is not a directory'],
    [`oci:out:1.2@${digest}`, 'it has both a tag and a digest'],
    ['oci:out@sha256:abc', 'sha256 has 64 hexadecimal digits, this has 3'],
    ['oci:out@sha256:', 'sha256 has 64 hexadecimal digits, this has 0'],
    ['oci-archive:app.tar', 'does not read oci-archive: images yet'],
    ['docker-archive:app.tar:app:1', 'does not read docker-archive: images yet'],
    ['docker-daemon:app:1', 'does not read docker-daemon: images yet'],
    ['docker://', 'it is empty'],
    ['https://r.example/app', 'a reference has no scheme'],
    ['ocidir://out', 'a reference has no scheme'],
    ['r.example/App', 'repository names are lower case'],
    ['', 'it is empty'],
  ])('refuses %j: %s', (text, problem) => {
    expect(() => parseImageLocation(text)).toThrow(ArgumentError);
    expect(() => parseImageLocation(text)).toThrow(problem);
  });
});

describe('formatImageLocation', () => {
  it.each([
    ['a:b', 'oci:a:b/'],
    [`a@${digest}`, `oci:a@${digest}/`],
    ['a@sha256:', 'oci:a@sha256:/'],
    ['a:b/c', 'oci:a:b/c'],
  ])('marks where the path %s ends', (path, text) => {
    expect(formatImageLocation({ transport: 'oci', path })).toBe(text);
    expect(parseImageLocation(text)).toStrictEqual({ transport: 'oci', path });
  });
});

describe('sameLocation', () => {
  it.each([
    ['app', 'docker://index.docker.io/library/app:latest', true],
    ['app:1', 'app:2', false],
    ['app:1', `app:1@${digest}`, false],
    ['R.example/app:1', 'r.example/app:1', true],
    ['oci:out:1', 'oci:out:1', true],
    ['oci:out/', 'oci:out', true],
    ['oci:out:1', 'oci:out:2', false],
    ['oci:out:1', 'oci:out', false],
    ['oci:out', `oci:out@${digest}`, false],
    ['oci:out', 'oci:./out', false],
    ['oci:app:1', 'docker://app:1', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(sameLocation(parseImageLocation(a), parseImageLocation(b))).toBe(expected);
    expect(sameLocation(parseImageLocation(b), parseImageLocation(a))).toBe(expected);
  });
});
