import { describe, expect, it } from 'vitest';

import {
  chooseImage,
  imageAt,
  imageTagged,
  type NamedImage,
} from '../../../src/layout/docker-save/image-selection.js';
import { MultiarchError } from '../../../src/oci/errors.js';
import { parseReference, parseTag, withDefaultTag } from '../../../src/oci/reference.js';
import { thrownBy } from '../../support/failure.js';

const image = (id: string, ...names: string[]): NamedImage => ({ id, names });

function choose(images: readonly NamedImage[], name?: string): string {
  return chooseImage(images, name === undefined ? undefined : withDefaultTag(parseReference(name)), 'x.tar')
    .id;
}

function failure(action: () => unknown): [kind: string, message: string, hint: string | undefined] {
  const { kind, message, hint } = thrownBy(action, MultiarchError);
  return [kind, message, hint];
}

describe('an image of an archive', () => {
  it.each<[asked: string, written: string]>([
    ['app:1', 'app:1'],
    ['app:1', 'docker.io/library/app:1'],
    ['docker.io/library/app:1', 'app:1'],
    ['index.docker.io/app:1', 'app:1'],
    ['app', 'app:latest'],
    ['app', 'app'],
    ['app:latest', 'docker.io/library/app'],
    ['reg.example.com:5000/app', 'reg.example.com:5000/app'],
    ['localhost/app:1', 'localhost/app:1'],
    ['team/app:1', 'docker.io/team/app:1'],
    ['REG.example.com:5000/app:1', 'reg.example.com:5000/app:1'],
  ])('%s matches the one saved as %s', (asked, written) => {
    const images = [image('other', 'other:1', 'app:2'), image('this', '<none>:<none>', 'more:3', written)];
    expect(choose(images, asked)).toBe('this');
  });

  it.each([
    ['app:1', 'localhost/app:1'],
    ['app:1', 'app:2'],
    ['app:1', 'team/app:1'],
    ['app:1', 'app'],
  ])('%s does not match the one saved as %s', (asked, written) => {
    expect(failure(() => choose([image('this', written)], asked))).toEqual([
      'not-found',
      `x.tar holds no image named ${asked}`,
      `It holds ${written}.`,
    ]);
  });

  it('may be saved under a tag alone, which matches any repository', () => {
    expect(choose([image('this', '1'), image('other', '2')], 'app:1')).toBe('this');
    expect(choose([image('this', '1'), image('other', 'app:1')], 'app:1')).toBe('other');
  });

  it('needs no name if it is the only one', () => {
    expect(choose([image('this')])).toBe('this');
    expect(choose([image('this', 'app:1'), image('this', 'app:2')])).toBe('this');
  });

  it('needs a name if there are several', () => {
    const images = [image('a', 'app:1', 'app:2'), image('b', 'other:1'), image('c'), image('d')];
    expect(failure(() => choose(images))).toEqual([
      'argument',
      'x.tar holds 4 images',
      'Choose one: app:1, app:2, other:1, 2 images without a name.',
    ]);
  });

  it('is not found if there is none', () => {
    expect(failure(() => choose([]))).toEqual(['not-found', 'x.tar holds no image', 'Save the image again.']);
    expect(failure(() => choose([image('a')], 'app:1'))).toEqual([
      'not-found',
      'x.tar holds no image named app:1',
      'It holds 1 image without a name.',
    ]);
  });

  it('is not guessed among several without names', () => {
    expect(failure(() => choose([image('a'), image('b')]))).toEqual([
      'argument',
      'x.tar holds 2 images',
      'None of them has a name. Save them again by name, or save only one.',
    ]);
  });

  it('without a name is listed by its digest, if that is known', () => {
    const [a, b] = ['a', 'b'].map((digit) => `sha256:${digit.repeat(64)}`);
    const images = [image('x', 'app:1'), image(a ?? ''), image(b ?? '')];
    expect(failure(() => choose(images))[2]).toBe(`Choose one: app:1, @${a}, @${b}.`);
    expect(failure(() => choose(images.slice(1)))[2]).toBe(`Choose one: @${a}, @${b}.`);
    const same = [image(a ?? '', 'app:1'), image(b ?? '', 'app:1')];
    expect(failure(() => choose(same, 'app:1'))[2]).toBe(`Choose one by its digest: ${a}, ${b}.`);
  });

  it('is found by its position', () => {
    const images = [image('a'), image('b', 'app:1')];
    expect(imageAt(images, 1, 'x.tar').id).toBe('b');
    expect(failure(() => imageAt(images, 2, 'x.tar'))).toEqual([
      'not-found',
      'x.tar has no image at position 2',
      'It holds 2; the first is @0.',
    ]);
  });

  it('is not guessed if several have the name', () => {
    expect(failure(() => choose([image('a', 'app:1'), image('b', 'app:1')], 'app:1'))).toEqual([
      'argument',
      'x.tar holds 2 different images named app:1',
      'They are a, b. Save only one of them.',
    ]);
  });

  it('has its name shown without control characters', () => {
    expect(failure(() => choose([image('a', 'app:\u001b[2J1')], 'app:1'))[2]).toBe('It holds app: [2J1.');
  });
});

describe('a tag', () => {
  const images = [image('a', 'app:1', 'app:2'), image('b', 'other:1'), image('c', '3'), image('d', 'latest')];
  const tagged = (tag: string): string | undefined => imageTagged(images, parseTag(tag), 'x.tar')?.id;

  it('selects the image that has it', () => {
    expect([tagged('2'), tagged('3'), tagged('latest'), tagged('4')]).toEqual(['a', 'c', 'd', undefined]);
  });

  it('selects no image if several have it', () => {
    expect(failure(() => tagged('1'))).toEqual([
      'argument',
      'x.tar holds 2 images with the tag 1',
      'Choose one: app:1, app:2, other:1.',
    ]);
  });
});
