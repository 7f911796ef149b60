import { describe, expect, it } from 'vitest';

import {
  annotateEntries,
  annotateEntry,
  annotateIndex,
  type EntryChanges,
} from '../../src/drafts/annotate.js';
import type { Draft } from '../../src/drafts/draft.js';
import { entryDescriptor } from '../../src/drafts/entry.js';
import type { Platform } from '../../src/oci/platform.js';
import { at, digest, draftOf, entryOf, image } from '../support/drafts.js';
import { amendSource } from '../../src/drafts/edits.js';

const windows: Platform = {
  architecture: 'amd64',
  os: 'windows',
  'os.version': '10.0.17763.1',
  'os.features': ['win32k'],
};
const draft = draftOf({
  'app:win': [image('win', undefined, { platform: windows, annotations: { read: 'yes', also: 'this' } })],
  'app:arm': [image('arm', 'linux/arm')],
  'app:none': [image('none')],
});

const changed = (changes: EntryChanges, from = draft): Draft => annotateEntry(from, 'app:win', changes);
const platformOf = (from: Draft): Platform | undefined => entryDescriptor(entryOf(from, 'win')).platform;
const annotationsOf = (from: Draft): unknown => entryDescriptor(entryOf(from, 'win')).annotations;

describe('annotateEntry', () => {
  it.each<[string, EntryChanges, Partial<Platform>]>([
    ['os', { os: 'linux' }, { os: 'linux' }],
    ['architecture', { architecture: 'arm64' }, { architecture: 'arm64' }],
    ['os version', { 'os.version': '10.0.20348.1' }, { 'os.version': '10.0.20348.1' }],
    ['variant', { variant: 'v2' }, { variant: 'v2' }],
    [
      'all at once',
      { os: 'linux', architecture: 'arm', variant: 'v6' },
      { os: 'linux', architecture: 'arm', variant: 'v6' },
    ],
    [
      'os features, by adding',
      { 'os.features': ['sse4', 'aes'] },
      { 'os.features': ['win32k', 'sse4', 'aes'] },
    ],
    [
      'os features, each once',
      { 'os.features': ['win32k', 'aes', 'aes'] },
      { 'os.features': ['win32k', 'aes'] },
    ],
  ])('changes %s and nothing else', (_, changes, expected) => {
    expect(platformOf(changed(changes))).toEqual({ ...windows, ...expected });
  });

  it('changes nothing without values', () => {
    expect(changed({ 'os.features': [''], annotations: {} })).toEqual(draft);
  });

  it('removes an optional field by an empty value, whether it was read or set', () => {
    const set = changed({ variant: 'v2' });
    expect(platformOf(changed({ variant: '', 'os.version': '' }, set))).toEqual({
      os: windows.os,
      architecture: windows.architecture,
      'os.features': windows['os.features'],
    });
  });

  it.each(['os', 'architecture'] as const)('rejects an empty %s, which an entry needs', (field) => {
    expect(() => changed({ [field]: '' })).toThrow(
      expect.objectContaining({
        name: 'ArgumentError',
        hint: expect.stringContaining('--unset') as unknown,
      }) as Error,
    );
  });

  it('sets an annotation to an empty value', () => {
    expect(annotationsOf(changed({ annotations: { x: '' } }))).toMatchObject({ x: '' });
  });

  it('adds to earlier changes', () => {
    const twice = changed(
      { 'os.features': ['b'], annotations: { y: '2' } },
      changed({ 'os.features': ['a'], variant: 'v2' }),
    );
    expect(platformOf(twice)).toEqual({ ...windows, variant: 'v2', 'os.features': ['win32k', 'a', 'b'] });
    expect(annotationsOf(twice)).toEqual({ read: 'yes', also: 'this', y: '2' });
  });

  it('gives a platform to an entry that has none', () => {
    const annotated = annotateEntry(draft, 'app:none', { os: 'linux', architecture: 'riscv64' });
    expect(entryDescriptor(entryOf(annotated, 'none')).platform).toEqual({
      os: 'linux',
      architecture: 'riscv64',
    });
  });

  it('keeps the descriptor of the source', () => {
    expect(entryOf(changed({ variant: 'v2' }), 'win').descriptor).toBe(entryOf(draft, 'win').descriptor);
  });

  it.each([
    [{ os: 'linuz' }, 'linuz/amd64'],
    [{ architecture: 'aarch64' }, 'windows/aarch64'],
    [{ os: 'darwin', architecture: 's390x' }, 'darwin/s390x'],
  ])('rejects %o, which is not a platform', (changes, pair) => {
    expect(() => changed(changes)).toThrow(
      expect.objectContaining({
        name: 'ArgumentError',
        message: `manifest entry for image has unsupported os/arch combination: ${pair}`,
      }),
    );
  });

  it('rejects an incomplete platform, as docker does', () => {
    expect(() => annotateEntry(draft, 'app:none', { os: 'linux' })).toThrow('os/arch combination: linux/');
  });

  it.each([
    ['linux/arm64/v8', { architecture: 'amd64' }, { os: 'linux', architecture: 'amd64' }],
    ['linux/arm64/v8', { architecture: 'arm' }, { os: 'linux', architecture: 'arm' }],
    ['linux/arm/v7', { architecture: 'arm64' }, { os: 'linux', architecture: 'arm64' }],
    ['linux/arm64/v8', { architecture: 'arm64' }, { os: 'linux', architecture: 'arm64', variant: 'v8' }],
    ['linux/arm64/v7', { architecture: 'arm64' }, { os: 'linux', architecture: 'arm64' }],
    [
      'linux/arm64/v8',
      { architecture: 'amd64', variant: 'v3' },
      { os: 'linux', architecture: 'amd64', variant: 'v3' },
    ],
  ])('drops the variant of %s for %o', (read, changes, expected) => {
    const [os = '', architecture = '', variant = ''] = read.split('/');
    const from = draftOf({
      'app:win': [image('win', undefined, { platform: { os, architecture, variant } })],
    });
    expect(platformOf(changed(changes, from))).toEqual(expected);
  });

  it.each<[EntryChanges]>([
    [{ variant: 'v8' }],
    [{ architecture: 'arm64', variant: 'v7' }],
    [{ architecture: 'arm', variant: 'v2' }],
  ])('rejects the variant of another architecture: %o', (changes) => {
    expect(() => changed(changes)).toThrow(
      expect.objectContaining({
        name: 'ArgumentError',
        message: expect.stringContaining('unsupported variant: windows/') as unknown,
        hint: expect.stringContaining('--unset variant') as unknown,
      }) as Error,
    );
  });

  it('rejects an architecture that an earlier variant does not belong to', () => {
    const arm = changed({ architecture: 'arm64', variant: 'v8' });
    expect(() => changed({ architecture: 'amd64' }, arm)).toThrow('unsupported variant: windows/amd64/v8');
    expect(platformOf(changed({ architecture: 'amd64', variant: '' }, arm))).toEqual(windows);
  });

  it('names the platform that is probably meant', () => {
    expect(() => changed({ os: 'linux', architecture: 'aarch64' })).toThrow(
      expect.objectContaining({ hint: 'Use Go names: probably linux/arm64 is meant.' }) as Error,
    );
  });

  it('accepts an unknown platform that it does not change', () => {
    const odd = draftOf({
      'app:win': [image('win', undefined, { platform: { os: 'unknown', architecture: 'x' } })],
    });
    expect(platformOf(changed({ variant: 'v1' }, odd))).toEqual({
      os: 'unknown',
      architecture: 'x',
      variant: 'v1',
    });
  });

  it('reports a missing entry with docker’s message', () => {
    expect(() => annotateEntry(draft, 'app:nope', { variant: 'v8' })).toThrow(
      expect.objectContaining({
        name: 'NotFoundError',
        message: 'manifest for image app:nope does not exist in example.com/app:1',
      }),
    );
  });
});

describe('unset', () => {
  it('removes fields of the source', () => {
    const without = changed({ unset: ['os.version', 'os.features'], unsetAnnotations: ['read'] });
    expect(platformOf(without)).toEqual({ os: 'windows', architecture: 'amd64' });
    expect(annotationsOf(without)).toEqual({ also: 'this' });
  });

  it('removes changes, and leaves no trace if the source has no such field', () => {
    const set = annotateEntry(draft, 'app:arm', {
      variant: 'v6',
      'os.features': ['x'],
      annotations: { a: 'b' },
    });
    expect(set).not.toEqual(draft);
    expect(
      annotateEntry(set, 'app:arm', { unset: ['variant', 'os.features'], unsetAnnotations: ['a'] }),
    ).toEqual(draft);
  });

  it('removes all annotations and the whole platform', () => {
    const without = changed({
      unset: ['os', 'architecture', 'os.version', 'os.features'],
      unsetAnnotations: ['read', 'also'],
    });
    expect(entryDescriptor(entryOf(without, 'win'))).not.toHaveProperty('annotations');
    expect(entryDescriptor(entryOf(without, 'win'))).not.toHaveProperty('platform');
  });

  it('may leave a platform without os, which is a problem of the draft', () => {
    expect(platformOf(changed({ unset: ['os'] }))).toEqual({ ...windows, os: '' });
  });

  it('is applied before the other changes of a call', () => {
    const replaced = changed({
      unset: ['os.features', 'os.version'],
      'os.features': ['new'],
      'os.version': '11',
    });
    expect(platformOf(replaced)).toEqual({ ...windows, 'os.version': '11', 'os.features': ['new'] });
  });

  it('is overridden by a later change', () => {
    const again = changed(
      { 'os.version': '12', annotations: { read: 'again' } },
      changed({ unset: ['os.version'], unsetAnnotations: ['read'] }),
    );
    expect(platformOf(again)).toEqual({ ...windows, 'os.version': '12' });
    expect(annotationsOf(again)).toEqual({ also: 'this', read: 'again' });
  });

  it('survives a refresh of the source', () => {
    const without = changed({ unset: ['os.features'], unsetAnnotations: ['also'] });
    const entry = image('newer win', undefined, { platform: windows, annotations: { also: 'that', x: 'y' } });
    const { platform, annotations } = entryDescriptor(
      entryOf(amendSource(without, at('app:win'), [entry]), 'newer win'),
    );
    expect(platform).not.toHaveProperty('os.features');
    expect(annotations).toEqual({ x: 'y' });
  });

  it('ignores missing fields', () => {
    expect(changed({ unset: ['variant'], unsetAnnotations: ['nope'] })).toEqual(draft);
  });
});

it('accepts any annotation name', () => {
  const annotations = Object.fromEntries([
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  const entries = changed({ annotations });
  expect(Object.entries(entryDescriptor(entryOf(entries, 'win')).annotations ?? {})).toEqual([
    ['read', 'yes'],
    ['also', 'this'],
    ['__proto__', 'a'],
    ['constructor', 'b'],
  ]);
  expect(annotationsOf(changed({ unsetAnnotations: ['__proto__', 'constructor'] }, entries))).toEqual({
    read: 'yes',
    also: 'this',
  });
});

it('annotateEntries changes the selected entries only', () => {
  const chosen = [entryOf(draft, 'win'), entryOf(draft, 'none')];
  const after = annotateEntries(draft, chosen, { annotations: { a: 'b' } });
  expect(after.entries.map((entry) => entryDescriptor(entry).annotations?.['a'])).toEqual([
    'b',
    undefined,
    'b',
  ]);
});

describe('annotateIndex', () => {
  it('adds, replaces and removes annotations of the index', () => {
    const one = annotateIndex(draft, { annotations: { a: '1', b: '2' } });
    expect(one.annotations).toEqual({ a: '1', b: '2' });
    const two = annotateIndex(one, { annotations: { b: '3', c: '4' }, unsetAnnotations: ['a', 'b'] });
    expect(two.annotations).toEqual({ b: '3', c: '4' });
  });

  it('leaves no empty annotations', () => {
    const annotated = annotateIndex(draft, { annotations: { a: '1' } });
    expect(annotateIndex(annotated, { unsetAnnotations: ['a'] })).toEqual(draft);
  });

  it('keeps the entries', () => {
    expect(annotateIndex(draft, { annotations: { a: '1' } }).entries).toBe(draft.entries);
  });
});

it('finds the entry by digest as well', () => {
  const after = annotateEntry(draft, digest('arm'), { variant: 'v5' });
  expect(entryDescriptor(entryOf(after, 'arm')).platform?.variant).toBe('v5');
});
