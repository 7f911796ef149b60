import { findHome } from '../../environment.js';
import { storeDirectory } from '../../drafts/store-directory.js';
import { ArgumentError, FailedError } from '../../oci/errors.js';
import { configPath } from '../settings/config-path.js';
import { COMMON_VARIABLES, hasVariable, variableOf } from '../settings/option-settings.js';
import type { Origin, Settings } from '../settings/settings.js';
import { GLOBAL_OPTIONS } from '../global-options.js';
import type { Command, CommandContext } from './command.js';

/** One value, and where it comes from. */
interface Shown {
  readonly name: string;
  readonly value?: unknown;
  readonly origin: Origin['kind'];
  /** The variable of the environment. */
  readonly variable?: string;
  /** The line of the file. */
  readonly line?: number;
}

/** `multiarch config [path]` */
export const config: Command<{ readonly action?: string }> = {
  positionals: { action: 'path: print the path of the configuration file' },
  options: {},
  async run({ action }, context) {
    const { output, options, settings, env } = context;
    if (action !== undefined && action !== 'path') {
      throw new ArgumentError(`unknown action: ${action}`, {
        hint: 'multiarch config shows the configuration, multiarch config path its file.',
      });
    }
    const path = settings.file?.path ?? configPath(env);
    if (action === 'path') {
      if (path === undefined) {
        throw new FailedError(
          'nothing names a directory for the configuration: the user has no home directory',
          {
            hint: 'Set HOME or XDG_CONFIG_HOME.',
          },
        );
      }
      if (options.json) output.json({ path, exists: settings.file !== undefined });
      else output.line(path);
      return;
    }
    const shown = shownOptions(context);
    const registries = shownRegistries(settings);
    for (const warning of variableWarnings(env)) output.warn(warning);
    if (options.json) {
      output.json({ path, exists: settings.file !== undefined, options: shown, registries });
      return;
    }
    const rows = [
      ...shown.map((each) => ({ ...each, indent: '' })),
      ...registries.flatMap(({ host, settings: values }) => [
        { name: host, indent: '' },
        ...values.map((each) => ({ ...each, indent: '  ' })),
      ]),
    ];
    output.line(`file: ${path ?? 'none'}${settings.file === undefined ? ' (does not exist)' : ''}`);
    for (const line of tableLines(rows)) output.line(line);
  },
};

/** The global options that a variable or the file can set, and the options of single commands that a variable sets. */
function shownOptions({ settings, options, env }: CommandContext): readonly Shown[] {
  const values: Readonly<Record<string, unknown>> = { ...options, store: storeOf(options.store, env) };
  return Object.keys(GLOBAL_OPTIONS)
    .filter(hasVariable)
    .map((name): Shown => {
      const value = values[name];
      const origin = settings.origins.get(name) ?? { kind: 'default' };
      return {
        name,
        ...(value !== undefined && { value }),
        ...shownOrigin(value === undefined ? { kind: 'default' } : origin),
      };
    })
    .concat(
      [...COMMON_VARIABLES].flatMap((name): Shown[] => {
        const [variable, value = ''] = [variableOf(name), env[variableOf(name)]];
        return value === '' ? [] : [{ name, value, origin: 'environment', variable }];
      }),
    );
}

function shownRegistries({
  file,
  registries,
}: Settings): readonly { host: string; settings: readonly Shown[] }[] {
  return [...(file?.registries ?? [])].map(([host, members]) => ({
    host,
    settings: [...members]
      .filter(([name]) => isUsed(name, registries[host] ?? {}))
      .map(([name, { value, line }]) => ({ name, value, ...shownOrigin({ kind: 'file', line }) })),
  }));
}

/** Reports whether a setting of a registry holds: a flag or a variable may replace it. */
function isUsed(name: string, { tls, ...settings }: Settings['registries'][string]): boolean {
  const used: Readonly<Record<string, unknown>> = {
    ...settings,
    ...tls,
    'retry-for': settings.retryFor,
    'chunk-size': settings.chunkSize,
    cacert: tls?.ca,
  };
  return used[name] !== undefined;
}

function shownOrigin(origin: Origin): Pick<Shown, 'origin' | 'variable' | 'line'> {
  const { kind, ...details } = origin;
  return { origin: kind, ...details };
}

function storeOf(option: string | undefined, env: NodeJS.ProcessEnv): string | undefined {
  return storeDirectory({ env, platform: process.platform, homeDirectory: findHome(env) }, option);
}

/** Warnings of variables that look like those of options, but have no effect: misspelt ones, and those of flags only. */
function variableWarnings(env: NodeJS.ProcessEnv): readonly string[] {
  const flags = new Set(Object.keys(GLOBAL_OPTIONS).map(variableOf));
  const read = new Set(
    [...Object.keys(GLOBAL_OPTIONS), ...COMMON_VARIABLES].filter(hasVariable).map(variableOf),
  );
  return Object.keys(env)
    .filter((name) => /^MULTIARCH_[A-Z_]+$/.test(name) && !read.has(name))
    .toSorted()
    .map((name) => `${name} is not read${flags.has(name) ? ': it is a flag only' : ''}`);
}

function tableLines(rows: readonly (Partial<Shown> & { readonly indent: string })[]): readonly string[] {
  const cells = rows.map(({ indent, name, value, origin, variable, line }) => [
    `${indent}${name}`,
    origin === undefined ? '' : value === undefined ? '-' : textOf(value),
    variable ?? (line === undefined ? (origin ?? '') : `line ${line}`),
  ]);
  const width = (column: number): number => Math.max(...cells.map((cell) => cell[column]?.length ?? 0));
  const widths = [width(0), width(1)];
  return cells.map((cell) =>
    cell
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

/** A value as its flag takes it. */
function textOf(value: unknown): string {
  return Array.isArray(value) ? value.join(',') : typeof value === 'string' ? value : JSON.stringify(value);
}
