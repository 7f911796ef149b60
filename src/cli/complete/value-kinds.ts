import type { CommandEntry } from '../commands/command-table.js';
import type { OptionDeclaration } from '../flags.js';

/** A name that drafts and registries complete. */
export type NameKind = 'document' | 'draft' | 'draft-or-image' | 'entry' | 'host' | 'image' | 'repository';

/** How a value is completed: what it is, or the values that it can have. */
export type ValueKind =
  NameKind | 'annotation' | 'directory' | 'file' | 'platforms' | 'text' | 'topic' | readonly string[];

/** How values are completed by their names in help. */
const VALUES: Readonly<Record<string, ValueKind>> = {
  ARCH: ['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips64le', 'ppc64le', 'riscv64', 's390x', 'wasm'],
  DIGEST: ['any', 'none'],
  DIR: 'directory',
  DURATION: 'text',
  FEATURE: 'text',
  FILE: 'file',
  'KEY=VALUE': 'annotation',
  N: 'text',
  NAME: ['arch', 'os', 'os-features', 'os-version', 'variant'],
  'NAME=VALUE': ['entries=', 'metadata=', 'requests='],
  OS: ['darwin', 'freebsd', 'linux', 'wasip1', 'windows'],
  PASSWORD: 'text',
  PLATFORM: 'platforms',
  REF: 'image',
  REPO: 'repository',
  SIZE: 'text',
  TAG: 'image',
  TOKEN: 'text',
  USER: 'text',
  'USER:PASSWORD': 'text',
  VARIANT: ['v5', 'v6', 'v7', 'v8'],
  VERSION: 'text',
};

/** The positionals by name, or by command and name. */
const POSITIONALS: Readonly<Record<string, ValueKind>> = {
  after: 'draft-or-image',
  before: 'draft-or-image',
  'cache action': ['clear'],
  'completion shell': ['bash', 'zsh', 'fish', 'powershell'],
  'config action': ['path'],
  'create list': 'draft-or-image',
  document: 'document',
  'delete ref': 'image',
  'digest ref': 'draft-or-image',
  host: 'host',
  image: 'entry',
  images: 'entry',
  // Of inspect: after the first one, an image in it.
  names: 'draft-or-image',
  list: 'draft',
  lists: 'draft',
  'plugin action': ['install', 'remove'],
  repo: 'repository',
  source: 'image',
  sources: 'image',
  target: 'image',
  topic: 'topic',
  'undo list': 'draft-or-image',
};

/** Returns how the value of an option is completed; `undefined` if this file does not say it. */
export function kindOfOption({ type, choices, value = 'N' }: OptionDeclaration): ValueKind | undefined {
  if (type === 'boolean') return ['false', 'true'];
  return choices ?? VALUES[value.replace(/,$/, '')];
}

/**
 * Returns how a positional is completed.
 * @param index its number among the positionals, from 0
 * @returns `undefined` if the command has no such positional, or this file does not say it
 */
export function kindOfPositional(
  { name, positionals }: Pick<CommandEntry, 'name' | 'positionals'>,
  index: number,
): ValueKind | undefined {
  if (name === 'inspect' && index === 1) return 'entry';
  if (name === 'inspect' && index > 1) return undefined;
  const specs = positionals.split(' ');
  const last = specs.at(-1) ?? '';
  const spec = specs[index] ?? (last.includes('..') ? last : '');
  const positional = spec.replaceAll(/[^A-Z]/g, '').toLowerCase();
  return POSITIONALS[`${name} ${positional}`] ?? POSITIONALS[positional];
}
