import { readDescriptor } from '../oci/descriptor.js';
import { InvalidError } from '../oci/errors.js';
import { isJsonObject, parseJson } from '../oci/json.js';
import { invalidDocument, validateDocument } from '../oci/validate.js';
import type { Draft } from './draft.js';

/** The version that this code writes, and the only one there has been. */
const VERSION = 1;

/**
 * A draft as the text of its file: JSON for people to read, two spaces a level.
 * @throws InvalidError where it would not be read back
 */
export function formatDraft(draft: Draft): string {
  const problems = validateDocument('draft', draft);
  if (problems.length > 0) throw invalidDocument(`the draft ${draft.target}`, problems);
  return `${JSON.stringify(draft, null, 2)}\n`;
}

/**
 * Reads the content of a draft's file.
 * @param path what messages call the file
 * @throws InvalidError that says what is wrong with it
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
    // The schema of descriptors allows some members to be null, as it must for what others write.
    ...(subject !== undefined && { subject: readDescriptor(subject) }),
    entries: entries.map((entry) => ({ ...entry, descriptor: readDescriptor(entry.descriptor) })),
  };
}

/** Comes before the schema, which would only say that another version is no version. */
function checkVersion(value: unknown, label: string): void {
  const version = isJsonObject(value) ? value['version'] : undefined;
  if (typeof version !== 'number' || !Number.isSafeInteger(version) || version <= VERSION) return;
  throw new InvalidError(`${label} was written by a newer multiarch`, {
    hint: `It has version ${version} of the file format, and this multiarch reads version ${VERSION}: install a newer one.`,
    problems: [
      { pointer: '/version', message: `is ${version}, and ${VERSION} is read here`, rule: 'draft/version' },
    ],
  });
}
