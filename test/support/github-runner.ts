import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse } from 'yaml';

import { temporaryDirectory } from './temporary-directory.js';

/** What `action.yml` says. */
export interface ActionFile {
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly description: string }>>;
  readonly runs: { readonly using: string; readonly main: string };
}

/** @param path relative to `action/` */
export async function readAction(path: string): Promise<ActionFile> {
  const file = new URL(`../../action/${path}`, import.meta.url);
  return parse(await readFile(file, 'utf8')) as ActionFile;
}

/** The files that a runner gives to a step. */
export interface Step {
  readonly directory: string;
  readonly env: Readonly<Record<string, string>>;
  /** The outputs that are set. */
  readonly outputs: () => Promise<Record<string, string>>;
  /** The variables that are set for the following steps. */
  readonly variables: () => Promise<Record<string, string>>;
  readonly summary: () => Promise<string>;
  /** The directories that are added to the PATH. */
  readonly paths: () => Promise<string[]>;
}

/** Starts a step as the runner of GitHub Actions does. @param inputs its `with`, which replaces the defaults of the action */
export async function startStep(
  { inputs: declared }: Pick<ActionFile, 'inputs'>,
  inputs: Readonly<Record<string, string>>,
): Promise<Step> {
  const directory = await temporaryDirectory();
  const file = (name: string): string => join(directory, name);
  const files = {
    GITHUB_OUTPUT: file('output'),
    GITHUB_ENV: file('env'),
    GITHUB_PATH: file('path'),
    GITHUB_STEP_SUMMARY: file('summary'),
  };
  for (const path of Object.values(files)) await writeFile(path, '');
  const defaults = Object.entries(declared).map(([name, { default: value = '' }]) => [name, value]);
  const given = Object.entries({ ...Object.fromEntries(defaults), ...inputs } as Record<string, string>);
  return {
    directory,
    env: {
      ...files,
      GITHUB_ACTIONS: 'true',
      CI: 'true',
      RUNNER_TEMP: directory,
      ...Object.fromEntries(
        given.map(([name, value]) => [`INPUT_${name.replaceAll(' ', '_').toUpperCase()}`, value]),
      ),
    },
    outputs: async () => readValues(await readFile(files.GITHUB_OUTPUT, 'utf8')),
    variables: async () => readValues(await readFile(files.GITHUB_ENV, 'utf8')),
    summary: () => readFile(files.GITHUB_STEP_SUMMARY, 'utf8'),
    paths: async () => (await readFile(files.GITHUB_PATH, 'utf8')).split('\n').filter((line) => line !== ''),
  };
}

/** Reads a file of values as the runner does: `NAME=VALUE`, or `NAME<<DELIMITER` and lines up to the delimiter. */
export function readValues(text: string): Record<string, string> {
  const values: Record<string, string> = {};
  const lines = text.split('\n');
  if (lines.pop() !== '') throw new Error('the last line does not end');
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    const [, name = '', sign, rest = ''] = /^(.*?)(=|<<)(.*)$/s.exec(line) ?? [];
    if (sign === '<<') {
      const end = lines.indexOf(rest);
      if (end < 0) throw new Error(`no line is ${rest}`);
      values[name] = lines.splice(0, end).join('\n');
      lines.shift();
    } else if (sign === '=') {
      values[name] = rest;
    } else {
      throw new Error(`not a value: ${line}`);
    }
  }
  return values;
}
