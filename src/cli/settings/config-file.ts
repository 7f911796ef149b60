import { dirname, resolve } from 'node:path';

import type { RegistrySettings } from '../../client/registry-settings.js';
import { fileError } from '../../files/file-error.js';
import { readRegularFile } from '../../files/regular-file.js';
import { whyUntrusted } from '../../files/trusted-directory.js';
import { ArgumentError, FailedError, type Problem } from '../../oci/errors.js';
import { isJsonObject } from '../../oci/json.js';
import { parseNamespace, parseRegistryHost } from '../../oci/reference.js';
import { pointerTo } from '../../oci/schema-problems.js';
import { GLOBAL_OPTIONS, parseRetryFor } from '../global-options.js';
import { parseSize } from '../input/size.js';
import { parseSetting } from './option-settings.js';

/** A value of the file, and its line from 1. */
export interface FileValue {
  readonly value: unknown;
  readonly line: number;
}

/** A valid configuration file. */
export interface ConfigFile {
  readonly path: string;
  /** The values of global options, by name. */
  readonly options: ReadonlyMap<string, FileValue>;
  /** The settings of single registries as they are written, by host and name. */
  readonly registries: ReadonlyMap<string, ReadonlyMap<string, FileValue>>;
}

/** The members that are paths: relative ones start at the directory of the file. */
const PATHS: ReadonlySet<string> = new Set(['store', 'authfile', 'cacert', 'cert', 'key']);

/**
 * Reads the configuration file.
 * @throws FailedError for a file that others can change or that cannot be read; InvalidError with the line and column of each
 *   mistake
 */
export async function readConfigFile(path: string): Promise<ConfigFile> {
  try {
    const why = whyUntrusted(path);
    if (why !== undefined) {
      throw new FailedError(`cannot use the configuration ${path}: ${why}`, {
        hint: `Check what it says, then make it yours alone: chmod go-w ${path}`,
      });
    }
    return await parseConfig((await readRegularFile(path)).toString('utf8'), path);
  } catch (error) {
    throw fileError('read', path, error, 'remove it');
  }
}

async function parseConfig(text: string, path: string): Promise<ConfigFile> {
  const [{ invalidYaml, parseYaml }, { validateConfiguration }] = await Promise.all([
    import('../../assemble/yaml-text.js'),
    import('../../oci/validate.js'),
  ]);
  const yaml = (await parseYaml(text.replace(/^\uFEFF/, ''), path)).read('typed');
  // A file with comments only is empty.
  const document = yaml.value ?? {};
  const bySchema = validateConfiguration(document);
  const covered = new Set(bySchema.map(({ pointer }) => pointer));
  const problems = [...bySchema, ...valueProblems(document, covered)];
  const reported = yaml.value === null ? [] : yaml.report(problems);
  if (reported.length > 0) throw invalidYaml(path, reported, 'a valid configuration');
  const { registries, $schema: _, ...options } = document as Record<string, unknown>;
  const values = (pointer: string, members: unknown): ReadonlyMap<string, FileValue> =>
    new Map(
      Object.entries(isJsonObject(members) ? members : {}).map(([name, value]) => [
        name,
        {
          value: PATHS.has(name) ? resolve(dirname(path), String(value)) : value,
          line: yaml.lineOf(pointer + pointerTo(name)),
        },
      ]),
    );
  const hosts = Object.entries(isJsonObject(registries) ? registries : {});
  return {
    path,
    options: new Map(
      [...values('', options)].map(([name, { value, line }]) => [
        name,
        { value: optionValue(name, value), line },
      ]),
    ),
    registries: new Map(
      hosts.map(([host, members]) => [host, values(pointerTo('registries', host), members)]),
    ),
  };
}

/** Checks each value as its flag does. @param wrong the locations where the schema has found a mistake */
function valueProblems(document: unknown, wrong: ReadonlySet<string>): Problem[] {
  if (!isJsonObject(document)) return [];
  const { registries, $schema: _, ...options } = document;
  const problemOf = (path: readonly string[], parse: (name: string) => unknown): Problem[] => {
    const [name = ''] = path.slice(-1);
    const pointer = pointerTo(...path);
    try {
      if (!wrong.has(pointer)) parse(name);
      return [];
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      const message = error.message.replace(` (--${name})`, '').replace(`--${name} `, '');
      return [{ pointer, message, rule: 'config/value' }];
    }
  };
  return [
    ...Object.entries(options).flatMap(([name, value]) => problemOf([name], () => optionValue(name, value))),
    ...Object.entries(isJsonObject(registries) ? registries : {}).flatMap(([host, members]) => [
      ...problemOf(['registries', host], parseRegistryHost),
      ...Object.entries(isJsonObject(members) ? members : {}).flatMap(([name, value]) =>
        problemOf(['registries', host, name], () => registryValue(name, value)),
      ),
    ]),
  ];
}

/** The value of an option as its flag has it. @throws ArgumentError */
function optionValue(name: string, value: unknown): unknown {
  const option = GLOBAL_OPTIONS[name as keyof typeof GLOBAL_OPTIONS];
  const text = Array.isArray(value) ? value.join(',') : String(value);
  return parseSetting(name, text, option, `--${name}`);
}

/** A setting of a registry as the client takes it. @throws ArgumentError */
function registryValue(name: string, value: unknown): RegistrySettings {
  const text = String(value);
  switch (name) {
    case 'insecure':
      return { insecure: value === true };
    case 'concurrency':
      return { concurrency: Number(value) };
    case 'retries':
      return { retries: Number(value) };
    case 'retry-for':
      return { retryFor: parseRetryFor(text) };
    case 'chunk-size':
      return { chunkSize: parseSize('--chunk-size', text) };
    case 'cacert':
      return { tls: { ca: text } };
    case 'mirror':
      parseNamespace(text);
      return { mirror: text };
    default:
      return { tls: { [name]: text } };
  }
}

/** The settings of a registry as the client takes them, without those that flags and variables decide. */
export function registrySettings(
  values: ReadonlyMap<string, FileValue>,
  decided: ReadonlySet<string>,
): RegistrySettings {
  const parts = [...values]
    .filter(([name]) => !decided.has(name))
    .map(([name, { value }]) => registryValue(name, value));
  const tls = Object.assign({}, ...parts.map((part) => part.tls)) as RegistrySettings['tls'];
  return { ...(Object.assign({}, ...parts) as RegistrySettings), tls };
}
