import type { CommandEntry } from '../commands/command-table.js';

/** A name that drafts and registries complete. */
export type NameKind = 'document' | 'draft' | 'draft-or-image' | 'entry' | 'host' | 'image' | 'repository';

/** How a value is completed: what it is, or the values that it can have. */
export type ValueKind =
  NameKind | 'annotation' | 'directory' | 'file' | 'platforms' | 'text' | readonly string[];

/** The values of flags without choices, by name. A name means the same in every command. */
const FLAGS: Readonly<Record<string, ValueKind>> = {
  annotation: 'annotation',
  arch: ['386', 'amd64', 'arm', 'arm64', 'loong64', 'mips64le', 'ppc64le', 'riscv64', 's390x', 'wasm'],
  authfile: 'file',
  cacert: 'file',
  cert: 'file',
  'chunk-size': 'text',
  concurrency: 'text',
  creds: 'text',
  'digest-file': 'file',
  digests: 'directory',
  'expect-current': ['any', 'none'],
  file: 'file',
  from: 'image',
  'from-registry-token': 'text',
  'from-username': 'text',
  key: 'file',
  limit: ['entries=', 'metadata=', 'requests='],
  'metadata-file': 'file',
  os: ['darwin', 'freebsd', 'linux', 'wasip1', 'windows'],
  'os-features': 'text',
  'os-version': 'text',
  password: 'text',
  platform: 'platforms',
  'registry-token': 'text',
  repository: 'image',
  require: 'platforms',
  retries: 'text',
  'retry-for': 'text',
  store: 'directory',
  tag: 'image',
  timeout: 'text',
  unset: ['arch', 'os', 'os-features', 'os-version', 'variant'],
  username: 'text',
  variant: ['v5', 'v6', 'v7', 'v8'],
  wait: 'text',
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
  repo: 'repository',
  source: 'image',
  sources: 'image',
  target: 'image',
  'undo list': 'draft-or-image',
};

/** Returns how the value of a flag without choices is completed; `undefined` if this file does not say it. */
export function kindOfFlag(name: string): ValueKind | undefined {
  return FLAGS[name];
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
