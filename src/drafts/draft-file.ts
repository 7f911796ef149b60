import { readDescriptor } from '../oci/descriptor.js';
import { InvalidError } from '../oci/errors.js';
import { hasTooManyValues, isJsonObject, parseJson } from '../oci/json.js';
import { invalidDocument, validateDocument } from '../oci/validate.js';
import type { Draft } from './draft.js';

/** The version of the file format. There are no others so far. */
const VERSION = 1;

/** The largest draft, in bytes: of images without a platform in their index, it contains the manifests. */
const MAX_DRAFT_BYTES = 64 * 1024 * 1024;

/**
 * Formats a draft as JSON, indented by two spaces.
 * @throws InvalidError if {@link parseDraft} would reject it
 */
export function formatDraft(draft: Draft): string {
  // Before the text is made: a string has a maximum length.
  const manifests = draft.entries.reduce((sum, { manifest = '' }) => sum + manifest.length, 0);
  if (manifests > MAX_DRAFT_BYTES) throw tooLarge(draft);
  if (hasTooManyValues(draft)) {
    throw new InvalidError(`the draft ${draft.target} has too many entries`, { hint: TOO_LARGE_HINT });
  }
  const problems = validateDocument('draft', draft);
  if (problems.length > 0) throw invalidDocument(`the draft ${draft.target}`, problems);
  const text = `${JSON.stringify(draft, null, 2)}\n`;
  if (Buffer.byteLength(text) > MAX_DRAFT_BYTES) throw tooLarge(draft);
  return text;
}

const TOO_LARGE_HINT = 'Use fewer images, or publish without a draft: multiarch create --push.';

function tooLarge({ target }: Draft): InvalidError {
  return new InvalidError(`the draft ${target} is larger than the maximum of ${MAX_DRAFT_BYTES} bytes`, {
    hint: TOO_LARGE_HINT,
  });
}

/**
 * Parses a draft's file.
 * @param path the file's path, for messages
 * @throws InvalidError
 */
export function parseDraft(bytes: Uint8Array, path: string): Draft {
  const label = `the draft in ${path}`;
  if (bytes.length > MAX_DRAFT_BYTES) {
    throw new InvalidError(`${label} is ${bytes.length} bytes long; the limit is ${MAX_DRAFT_BYTES}`);
  }
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
