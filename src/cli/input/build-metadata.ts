import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';

import { builtSource, parseBuildMetadata, type BuildMetadata } from '../../assemble/build-metadata.js';
import type { AssemblyImage } from '../../assemble/assembly.js';
import type { CreateOptions } from '../../client/create-options.js';
import { ArgumentError, InvalidError } from '../../oci/errors.js';
import { parseImageLocation, type ImageLocation } from '../../oci/image-location.js';
import { isTag } from '../../oci/reference.js';
import type { CommandContext } from '../commands/command.js';
import { parseAnnotationTargets, type AnnotationTargets } from './addressed-annotation.js';
import { readTextInput } from './input.js';

/** What the file of a build tool says, and its name in messages. */
export interface NamedMetadata {
  readonly label: string;
  readonly metadata: BuildMetadata;
}

/** The variable that docker/metadata-action sets for the following steps of a job. */
const ACTION_VARIABLE = 'DOCKER_METADATA_OUTPUT_JSON';

/**
 * Reads the files of `--from-metadata`, one after the other: `-` is standard input, `env` the output of docker/metadata-action
 * in the environment, and a directory all its files, by name. `FILE#TARGET` is one target of bake's metadata.
 * @throws InvalidError with the first invalid file, or for an empty directory; ArgumentError if the variable is not set; what reading throws
 */
export async function readMetadata(
  files: readonly string[],
  context: Pick<CommandContext, 'signal' | 'stdin' | 'env'>,
): Promise<NamedMetadata[]> {
  const read: NamedMetadata[] = [];
  const named = await Promise.all(files.map(filesOf));
  for (const { path, target } of named.flat()) {
    const { label, text } = path === 'env' ? readVariable(context.env) : await readTextInput(path, context);
    read.push({ label, metadata: parseBuildMetadata(text, label, target) });
  }
  return read;
}

interface MetadataFile {
  readonly path: string;
  /** Of bake's metadata, if only one is used. */
  readonly target?: string;
}

/** Returns the files of a directory, without those whose names start with a dot; one file for every other name. */
async function filesOf(name: string): Promise<MetadataFile[]> {
  if (name === '-' || name === 'env') return [{ path: name }];
  let names: string[];
  try {
    names = await readdir(name);
  } catch {
    // Not a directory, or reading it as a file says what is wrong.
    return [splitTarget(name)];
  }
  const files = names.filter((file) => !file.startsWith('.')).toSorted();
  if (files.length > 0) return files.map((file) => ({ path: join(name, file) }));
  throw new InvalidError(`the directory ${name} has no files (--from-metadata)`, {
    hint: 'Each build job leaves one file there, such as that of docker buildx build --metadata-file.',
  });
}

/** Splits `FILE#TARGET`. A file whose whole name is the text takes precedence. */
function splitTarget(text: string): MetadataFile {
  const at = text.lastIndexOf('#');
  if (at <= 0 || at === text.length - 1 || existsSync(text)) return { path: text };
  return { path: text.slice(0, at), target: text.slice(at + 1) };
}

function readVariable(env: NodeJS.ProcessEnv): { readonly label: string; readonly text: string } {
  const text = env[ACTION_VARIABLE] ?? '';
  if (text !== '') return { label: `$${ACTION_VARIABLE}`, text };
  throw new ArgumentError(`--from-metadata env: the variable ${ACTION_VARIABLE} is not set`, {
    hint: 'docker/metadata-action sets it for the following steps of its job. A file of this name is ./env.',
  });
}

/** Returns the list that the files name: the first reference among their tags. */
export function metadataTarget(files: readonly NamedMetadata[]): string | undefined {
  return tagsOf(files).find((tag) => !isTag(tag));
}

/** Returns the tags of the files other than the list. */
export function metadataTags(files: readonly NamedMetadata[], target: string): string[] {
  return tagsOf(files).filter((tag) => tag !== target);
}

function tagsOf(files: readonly NamedMetadata[]): string[] {
  return [...new Set(files.flatMap(({ metadata }) => metadata.tags))];
}

/** Returns the images of the files as sources. @param repository where the images are of which only the digest is known */
export function metadataSources(
  files: readonly NamedMetadata[],
  target: string | undefined,
  repository: ImageLocation | undefined,
): AssemblyImage[] {
  const list = target === undefined ? undefined : parseImageLocation(target);
  return files.flatMap(({ metadata }) =>
    metadata.images.map((image) => builtSource(image, list, repository)),
  );
}

/**
 * Adds the annotations of the files to options, which take precedence. Files without an annotation of the index annotate it
 * with their labels, as docker/metadata-action has the same values for both.
 * @throws InvalidError for an invalid annotation of a file
 */
export function withMetadataAnnotations(
  options: CreateOptions,
  files: readonly NamedMetadata[],
): CreateOptions {
  const found = files.map(annotationsOf);
  const index = Object.fromEntries(found.flatMap((targets) => Object.entries(targets.index)));
  return {
    ...options,
    annotations: { ...index, ...options.annotations },
    entryAnnotations: [...found.flatMap((targets) => targets.manifests), ...(options.entryAnnotations ?? [])],
  };
}

function annotationsOf({ label, metadata: { annotations, labels } }: NamedMetadata): AnnotationTargets {
  try {
    const targets = parseAnnotationTargets(annotations);
    if (Object.keys(targets.index).length > 0) return targets;
    const texts = Object.entries(labels).map(([name, value]) => `index:${name}=${value}`);
    return { ...targets, index: parseAnnotationTargets(texts).index };
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    throw new InvalidError(`${label}: ${error.message}`, { hint: error.hint, cause: error });
  }
}
