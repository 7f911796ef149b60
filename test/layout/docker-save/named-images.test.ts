import { describe, expect, it } from 'vitest';

import { chooseImage, imageTagged, type NamedImage } from '../../../src/layout/docker-save/named-images.js';
import { MultiarchError } from '../../../src/oci/errors.js';
import { parseReference, parseTag, withDefaultTag } from '../../../src/oci/reference.js';

const image = (id: string, ...names: string[]): NamedImage => ({ id, names });

function choose(images: readonly NamedImage[], name?: string): string {
  return chooseImage(images, name === undefined ? undefined : withDefaultTag(parseReference(name)), 'x.tar')
    .id;
}

function failure(action: () => unknown): [kind: string, message: string, hint: string | undefined] {
  try {
    action();
  } catch (error) {
    if (error instanceof MultiarchError) return [error.kind, error.message, error.hint];
    throw error;
  }
  throw new Error('it does not fail');
}

describe('an image of an archive', () => {
  it.each<[asked: string, written: string]>([
    ['app:1', 'app:1'],
    ['app:1', 'docker.io/library/app:1'],
    ['docker.io/library/app:1', 'app:1'],
    ['index.docker.io/app:1', 'app:1'],
    ['app', 'app:latest'],
    ['localhost/app:1', 'localhost/app:1'],
    ['team/app:1', 'docker.io/team/app:1'],
    ['REG.example.com:5000/app:1', 'reg.example.com:5000/app:1'],
  ])('%s is the one saved as %s', (asked, written) => {
    const images = [image('other', 'other:1', 'app:2'), image('this', '<none>:<none>', 'more:3', written)];
    expect(choose(images, asked)).toBe('this');
  });

  it.each([
    ['app:1', 'localhost/app:1'],
    ['app:1', 'app:2'],
    ['app:1', 'team/app:1'],
    ['app:latest', 'app'],
  ])('%s is not the one saved as %s', (asked, written) => {
    expect(failure(() => choose([image('this', written)], asked))).toEqual([
      'not-found',
      `x.tar holds no image named ${asked}`,
      `It holds ${written}.`,
    ]);
  });

  it('may be saved under a tag alone, which any repository fits', () => {
    expect(choose([image('this', '1'), image('other', '2')], 'app:1')).toBe('this');
    expect(choose([image('this', '1'), image('other', 'app:1')], 'app:1')).toBe('other');
  });

  it('needs no name where it is the only one', () => {
    expect(choose([image('this')])).toBe('this');
    expect(choose([image('this', 'app:1'), image('this', 'app:2')])).toBe('this');
  });

  it('needs a name where there are several', () => {
    const images = [image('a', 'app:1', 'app:2'), image('b', 'other:1'), image('c'), image('d')];
    expect(failure(() => choose(images))).toEqual([
      'argument',
      'x.tar holds 4 images',
      'Say which one: app:1, app:2, other:1, 2 images without a name.',
    ]);
  });

  it('is not there where there is none', () => {
    expect(failure(() => choose([]))).toEqual(['not-found', 'x.tar holds no image', 'Save the image again.']);
    expect(failure(() => choose([image('a')], 'app:1'))).toEqual([
      'not-found',
      'x.tar holds no image named app:1',
      'It holds 1 image without a name.',
    ]);
  });

  it('is not guessed where there are several, and none has a name to choose it by', () => {
    expect(failure(() => choose([image('a'), image('b')]))).toEqual([
      'argument',
      'x.tar holds 2 images',
      'None has a name: save them again by their names, or one of them alone.',
    ]);
  });

  it('is not guessed where several have the name', () => {
    expect(failure(() => choose([image('a', 'app:1'), image('b', 'app:1')], 'app:1'))).toEqual([
      'argument',
      'x.tar holds 2 different images named app:1',
      'They are a, b. Save one of them alone.',
    ]);
  });

  it('has no name that would disturb a terminal', () => {
    expect(failure(() => choose([image('a', 'app:\u001b[2J1')], 'app:1'))[2]).toBe('It holds app: [2J1.');
  });
});

describe('a tag', () => {
  const images = [image('a', 'app:1', 'app:2'), image('b', 'other:1'), image('c', '3'), image('d', 'latest')];
  const tagged = (tag: string): string | undefined => imageTagged(images, parseTag(tag), 'x.tar')?.id;

  it('stands for the image that has it', () => {
    expect([tagged('2'), tagged('3'), tagged('latest'), tagged('4')]).toEqual(['a', 'c', 'd', undefined]);
  });

  it('stands for none where several images have it', () => {
    expect(failure(() => tagged('1'))).toEqual([
      'argument',
      'x.tar holds 2 images with the tag 1',
      'Say which one: app:1, app:2, other:1.',
    ]);
  });
});
