import type { Target } from '../property.js';
import { assemblyFile, template } from './assembly-file.js';
import { buildMetadata } from './build-metadata.js';
import { challenge } from './challenge.js';
import { commandLine } from './command-line.js';
import { contentCache } from './content-cache.js';
import { diffIndex } from './diff-index.js';
import { dockerArchive, manifestJson } from './docker-archive.js';
import { dockerConfig } from './docker-config.js';
import { document, json, validation } from './document.js';
import { draftFile, draftStore } from './draft-store.js';
import { duration, size } from './flag-values.js';
import { retryAfter, warning } from './headers.js';
import { historyFile } from './history-file.js';
import { layoutIndex } from './layout-index.js';
import { outputTemplate } from './output-template.js';
import { platform } from './platform.js';
import { redaction } from './redaction.js';
import { link, redirect, uploadLocations } from './redirect.js';
import { location, reference } from './reference.js';
import { errorBody, helperOutput, tokenResponse } from './responses.js';
import { serialise } from './serialise.js';
import { pax, tar } from './tar.js';
import { variables } from './variables.js';

/** All parts of the program whose properties are tested and fuzzed. */
export const TARGETS: readonly Target[] = [
  reference,
  location,
  platform,
  duration,
  size,
  template,
  commandLine,
  challenge,
  warning,
  retryAfter,
  redirect,
  uploadLocations,
  link,
  redaction,
  errorBody,
  tokenResponse,
  helperOutput,
  dockerConfig,
  json,
  document,
  validation,
  serialise,
  diffIndex,
  assemblyFile,
  variables,
  buildMetadata,
  outputTemplate,
  draftFile,
  draftStore,
  historyFile,
  contentCache,
  layoutIndex,
  tar,
  pax,
  dockerArchive,
  manifestJson,
];
