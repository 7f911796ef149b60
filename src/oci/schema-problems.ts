import type { Problem } from './errors.js';
import type { SchemaError } from './schemas.generated.js';

/** What each pattern requires, by its name under `$defs` in the schemas. */
const PATTERNS: Readonly<Record<string, string>> = {
  mediaType: 'must be a media type such as application/vnd.oci.image.manifest.v1+json',
  digest: 'must be a digest such as sha256: and 64 lower-case hexadecimal digits',
  url: 'must be an absolute URL such as https://example.com/blob',
  base64: 'must be base64',
  variable: 'must be of the form NAME=VALUE',
  dateTime: 'must be a date and time such as 2026-01-31T12:00:00Z',
  ...Object.fromEntries(
    // Of an assembly file. Its rules report what else the patterns of names reject, and say why.
    ['name', 'path', 'reference', 'source', 'tag', 'platformName', 'platform'].map((name) => [
      name,
      'must not be empty or start with a space',
    ]),
  ),
};

const TYPES: Readonly<Record<string, string>> = {
  array: 'an array',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  object: 'an object',
  string: 'a string',
};

/** Converts ajv's errors to problems, one for each mistake; errors of alternatives are merged. */
export function schemaProblems(errors: readonly SchemaError[]): Problem[] {
  // An `if` is reported beside the errors of its branch.
  return mergeAlternatives(errors.filter(({ keyword }) => keyword !== 'if')).map(toProblem);
}

/**
 * For `anyOf` and `oneOf` ajv reports the errors of every branch, then that no branch matched. Errors inside the value
 * are kept, since that branch matched its type; otherwise one error lists all allowed types. ajv reports the branches
 * directly before, as long as the alternatives are alone in their schema.
 */
function mergeAlternatives(errors: readonly SchemaError[]): SchemaError[] {
  const merged: SchemaError[] = [];
  for (const error of errors) {
    if (error.keyword !== 'anyOf' && error.keyword !== 'oneOf') {
      merged.push(error);
      continue;
    }
    const first = merged.findLastIndex((before) => !isWithin(before.instancePath, error.instancePath)) + 1;
    const branches = merged.splice(first);
    const inside = branches.filter((branch) => branch.instancePath !== error.instancePath);
    // Not `push(...inside)`: a call has a limited number of arguments.
    if (inside.length > 0) for (const branch of inside) merged.push(branch);
    else if (branches.length > 0 && branches.every((branch) => branch.keyword === 'type')) {
      const type = branches.flatMap((branch) => typeNames(branch.params['type']));
      merged.push({ ...error, keyword: 'type', params: { type: [...new Set(type)] } });
    } else merged.push(error);
  }
  return merged;
}

function isWithin(path: string, outer: string): boolean {
  return path === outer || path.startsWith(`${outer}/`);
}

/** The rule that the problem of an error violates. */
export function schemaRule({ keyword }: SchemaError): string {
  return `schema/${keyword}`;
}

function toProblem(error: SchemaError): Problem {
  const { instancePath, keyword, params } = error;
  const rule = schemaRule(error);
  if (keyword === 'additionalProperties' || keyword === 'unevaluatedProperties') {
    const name = String(params['additionalProperty'] ?? params['unevaluatedProperty']);
    return { pointer: instancePath + pointerTo(name), message: 'is not a known member', rule };
  }
  return { pointer: instancePath, message: describe(error), rule };
}

function describe({ keyword, params, schemaPath }: SchemaError): string {
  switch (keyword) {
    case 'required':
      return `has no "${String(params['missingProperty'])}"`;
    case 'dependentRequired':
      return `has "${String(params['property'])}" without "${String(params['missingProperty'])}"`;
    case 'type':
      return `must be ${list(typeNames(params['type']).map((type) => TYPES[type] ?? type))}`;
    case 'const':
      return `must be ${JSON.stringify(params['allowedValue'])}`;
    case 'enum': {
      const allowed = params['allowedValues'];
      return `must be ${list(Array.isArray(allowed) ? allowed.map((value) => JSON.stringify(value)) : [])}`;
    }
    case 'minimum':
      return `must be ${String(params['limit'])} or more`;
    case 'maximum':
      return `must be ${String(params['limit'])} or less`;
    case 'minItems':
      return `must have ${String(params['limit'])} or more elements`;
    case 'pattern': {
      const name = /\/\$defs\/([^/]+)\/pattern$/.exec(schemaPath)?.[1] ?? '';
      return PATTERNS[name] ?? `must match ${String(params['pattern'])}`;
    }
    case 'anyOf':
    case 'oneOf':
      return 'matches none of the allowed forms, or more than one';
    default:
      return `violates the schema rule "${keyword}"`;
  }
}

/** The types that a schema allows, without `null`: it is accepted because some tools write it, but not recommended. */
function typeNames(type: unknown): string[] {
  const names = Array.isArray(type) ? type.map(String) : [String(type)];
  return names.length > 1 ? names.filter((name) => name !== 'null') : names;
}

function list(choices: readonly string[]): string {
  if (choices.length < 2) return choices.join('');
  return `${choices.slice(0, -1).join(', ')} or ${choices.at(-1) ?? ''}`;
}

/** Returns the JSON pointer (RFC 6901) for a path from the root. */
export function pointerTo(...path: readonly (string | number)[]): string {
  return path.map((name) => `/${String(name).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}
