import { readDescriptor } from '../oci/descriptor.js';
import { InvalidError } from '../oci/errors.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import { invalidDocument, validateDocument } from '../oci/validate.js';
import type { Draft } from './draft.js';

/** The version of the file format. There are no others so far. */
const VERSION = 1;

/**
 * Formats a draft as JSON, indented by two spaces.
 * @throws InvalidError if {@link parseDraft} would reject it
 */
export function formatDraft(draft: Draft): string {
  const problems = validateDocument('draft', draft);
  if (problems.length > 0) throw invalidDocument(`the draft ${draft.target}`, problems);
  return `${JSON.stringify(draft, null, 2)}\n`;
}

/**
 * Parses a draft's file.
 * @param path the file's path, for messages
 * @throws InvalidError
 */
export function parseDraft(bytes: Uint8Array, path: string): Draft {
  const label = `the draft in ${path}`;
  const value = parseJson(bytes, label);
  checkVersion(value, label);
  const problems = validateDocument('draft', value);
  if (problems.length > 0) throw invalidDocument(label, problems);
  const { subject, entries, ...rest } = value as Draft;
  return {
    ...rest,
    // The descriptor schema allows null members, which other tools write.
    ...(subject !== undefined && { subject: readDescriptor(subject) }),
    entries: entries.map((entry) => ({ ...entry, descriptor: readDescriptor(entry.descriptor) })),
  };
}

/** Runs before schema validation, whose message would not mention the release that is needed. */
function checkVersion(value: unknown, label: string): void {
  const version = isJsonObject(value) ? value['version'] : undefined;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version <= VERSION) return;
  throw new InvalidError(`${label} was written by a newer multiarch`, {
    hint: `The file has format version ${version}, but this release reads version ${VERSION}. Install a newer multiarch.`,
    problems: [
      {
        pointer: '/version',
        message: `is ${version}, but only ${VERSION} is supported`,
        rule: 'draft/version',
      },
    ],
  });
}
