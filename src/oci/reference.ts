import { digestAlgorithm, digestProblem, tryParseDigest, type Digest } from './digest.js';
import { ArgumentError } from './errors.js';

declare const hostBrand: unique symbol;
declare const pathBrand: unique symbol;
declare const refNameBrand: unique symbol;
declare const tagBrand: unique symbol;

/** A registry's host and port as in references: `docker.io`, `localhost:5000`, `[::1]:5000`. */
export type RegistryHost = string & { readonly [hostBrand]: true };
/** A repository's path within its registry: `library/alpine`. */
export type RepositoryPath = string & { readonly [pathBrand]: true };
/**
 * The name of an image in an image layout (image-spec, "org.opencontainers.image.ref.name"): `1.2`, `1.2+b5`,
 * `docker.io/library/app:1.2`. Every tag is one. See `parseRefName`.
 */
export type RefName = string & { readonly [refNameBrand]: true };
/** A tag (distribution-spec, "Pulling manifests"): `[\w][\w.-]{0,127}`. */
export type Tag = RefName & { readonly [tagBrand]: true };

/** A repository in a registry. */
export interface Repository {
  readonly registry: RegistryHost;
  readonly path: RepositoryPath;
}

/** A repository with a tag, a digest or both. With both, the tag must have that digest. */
export interface Reference extends Repository {
  readonly tag?: Tag;
  readonly digest?: Digest;
}

const DOCKER_HUB = 'docker.io' as RegistryHost;
/** The former name of Docker Hub, which docker still accepts. */
const DOCKER_INDEX = 'index.docker.io';
/** The namespace of Docker Hub images whose names have one part. */
const OFFICIAL = 'library/';
const DEFAULT_TAG = 'latest' as Tag;
const MAX_PATH_LENGTH = 255;

// The grammar of distribution/reference. Separators and alphanumerics never overlap, so matching takes linear time.
const DOMAIN_PART = '(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])';
const HOST = new RegExp(String.raw`^(?:${DOMAIN_PART}(?:\.${DOMAIN_PART})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$`);
const PATH_PART = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const PATH = new RegExp(`^${PATH_PART}(?:/${PATH_PART})*$`);
const TAG = /^\w[\w.-]{0,127}$/;
/** A path relative to a directory, or an absolute one. */
const PATH_START = /^(?:\.{0,2}|~)\//;
const IMAGE_ID = /^[a-f0-9]{64}$/;

const PATH_HINT =
  'A repository name is lower-case letters and digits, joined by ".", "_", "__" or dashes, with "/" between its parts.';
const FILE_HINT =
  'A path needs its transport: oci:DIR for an image layout, oci-archive:FILE or docker-archive:FILE for a tar file.';
/** The hint for an empty value, for messages. */
export const UNSET_HINT = 'If it comes from a variable, check whether that is set.';
const TAG_HINT = 'A tag is up to 128 letters, digits, "_", "." and "-", and does not start with "." or "-".';

/**
 * Parses a reference as docker does: adds `docker.io` and `library/`, and replaces `index.docker.io` with `docker.io`.
 * The part before the first slash is a host if it is `localhost`, contains a dot or a colon, or has an upper-case
 * letter. Adds no default tag; see {@link withDefaultTag}. The digest must be verifiable.
 * @throws ArgumentError
 */
export function parseReference(text: string): Reference {
  if (text === '') throw invalid(text, 'it is empty');
  if (text.includes('://')) {
    const rest = text.slice(text.indexOf('://') + 3);
    const example = /^https?:/.test(text) && isReference(rest) ? `: ${JSON.stringify(rest)}` : '';
    throw invalid(text, 'a reference has no scheme', `Remove the part up to "://"${example}.`);
  }
  if (PATH_START.test(text)) throw invalid(text, 'it is a path', FILE_HINT);
  if (IMAGE_ID.test(text)) {
    throw invalid(
      text,
      '64 hexadecimal digits are an image ID',
      'Write REPOSITORY:TAG or REPOSITORY@DIGEST.',
    );
  }
  const [host, remainder = ''] = cut(qualify(text), '/');
  const [named, digest] = cut(remainder, '@');
  const [path, tag] = cut(named, ':');

  if (host.includes('@')) {
    throw invalid(text, 'a reference has no user name', 'Remove the part before "@", and log in instead.');
  }
  if (!HOST.test(host)) throw invalid(text, `${JSON.stringify(host)} is not a registry host`);
  if (!PATH.test(path)) throw invalidPath(text, path);
  if (path.length > MAX_PATH_LENGTH) {
    throw invalid(text, `the repository name has ${path.length} characters, ${MAX_PATH_LENGTH} are allowed`);
  }
  if (tag !== undefined && !TAG.test(tag)) {
    throw invalid(
      text,
      `${JSON.stringify(tag)} is not a tag`,
      tag === '' ? `${TAG_HINT} ${UNSET_HINT}` : TAG_HINT,
    );
  }
  if (digest === '') throw invalid(text, 'the digest is empty', UNSET_HINT);
  return {
    registry: host as RegistryHost,
    path: path as RepositoryPath,
    ...(tag !== undefined && { tag: tag as Tag }),
    ...(digest !== undefined && { digest: verifiableDigest(text, digest) }),
  };
}

/** As {@link parseReference}, for text that may be anything, such as an annotation; `undefined` if it is no reference. */
export function parseReferenceIfValid(text: string): Reference | undefined {
  try {
    return parseReference(text);
  } catch (error) {
    if (error instanceof ArgumentError) return undefined;
    throw error;
  }
}

/** Adds `:latest` to a reference with neither tag nor digest. */
export function withDefaultTag(reference: Reference): Reference {
  if (reference.tag !== undefined || reference.digest !== undefined) return reference;
  return { ...reference, tag: DEFAULT_TAG };
}

/** @throws ArgumentError */
export function parseTag(text: string): Tag {
  if (!isTag(text)) throw new ArgumentError(`invalid tag ${JSON.stringify(text)}`, { hint: TAG_HINT });
  return text;
}

/** Reports whether the text matches the grammar of tags. */
export function isTag(text: string): text is Tag {
  return TAG.test(text);
}

/** Reports whether the text matches the grammar of repository paths, which is also that of namespaces. */
export function isRepositoryPath(text: string): text is RepositoryPath {
  return PATH.test(text) && text.length <= MAX_PATH_LENGTH;
}

/**
 * Parses a registry's host for `login` and `--insecure`. Like `docker login`, accepts a URL too
 * (`https://index.docker.io/v1/`). `index.docker.io` becomes `docker.io`, as in {@link parseReference}.
 * @throws ArgumentError
 */
export function parseRegistryHost(text: string): RegistryHost {
  const host = text.replace(/^https?:\/\/([^/]*)(?:\/|\/v[12]\/?)?$/, '$1');
  if (!HOST.test(host)) {
    const shown = text.replace(/^.*@/, '***@');
    throw new ArgumentError(`invalid registry host ${JSON.stringify(shown)}`, {
      hint: 'Write HOST or HOST:PORT, without a repository.',
    });
  }
  return host === DOCKER_INDEX ? DOCKER_HUB : (host as RegistryHost);
}

/** A registry, or a part of it: what precedes the paths of repositories. */
export interface Namespace {
  readonly registry: RegistryHost;
  /** `undefined` for the whole registry. */
  readonly path: RepositoryPath | undefined;
}

/** Parses `HOST` or `HOST/PATH`. @throws ArgumentError */
export function parseNamespace(text: string): Namespace {
  const [host, path] = cut(text, '/');
  if (HOST.test(host) && isHost(host) && (path === undefined || isRepositoryPath(path))) {
    return { registry: parseRegistryHost(host), path };
  }
  throw new ArgumentError(`${JSON.stringify(text.replace(/^.*@/, '***@'))} is not HOST or HOST/PATH`, {
    hint: 'Write the host, with its port if it has one, and what precedes the paths of repositories: mirror.example.com/hub.',
  });
}

/** Returns the repository of this name in a part of another registry. */
export function repositoryIn({ registry, path }: Namespace, repository: Repository): Repository {
  if (path === undefined) return { registry, path: repository.path };
  return { registry, path: `${path}/${repository.path}` as RepositoryPath };
}

/** Formats a full reference: `docker.io/library/app:1.2@sha256:…`. */
export function formatReference(reference: Reference): string {
  return formatRepository(reference) + formatSelectors(reference);
}

/**
 * Formats a reference as short as docker does: `app:1.2`. Unlike docker, keeps the full form if the short one would be
 * another reference: `docker.io/example.com/app` is not `example.com/app`.
 */
export function familiarReference(reference: Reference): string {
  const full = formatReference(reference);
  if (reference.registry !== DOCKER_HUB) return full;
  const { path } = reference;
  const official = path.startsWith(OFFICIAL) && !path.includes('/', OFFICIAL.length);
  const short = (official ? path.slice(OFFICIAL.length) : path) + formatSelectors(reference);
  return qualify(short) === full && !IMAGE_ID.test(short) ? short : full;
}

/** Formats a repository: `docker.io/library/app`. */
export function formatRepository(repository: Repository): string {
  return `${repository.registry}/${repository.path}`;
}

/** Compares repositories; hosts without regard to case, as in DNS. */
export function sameRepository(a: Repository, b: Repository): boolean {
  return a.path === b.path && a.registry.toLowerCase() === b.registry.toLowerCase();
}

/** Reports whether a reference names its registry, so that it is not completed with Docker Hub. Does not validate. */
export function hasRegistry(text: string): boolean {
  const [first, rest] = cut(text, '/');
  return rest !== undefined && (first === DOCKER_HUB || first === DOCKER_INDEX || isHost(first));
}

/** docker's rule for the part before the first slash. */
function isHost(first: string): boolean {
  return first === 'localhost' || /[.:]/.test(first) || first !== first.toLowerCase();
}

/** Reports whether the text is a reference. */
export function isReference(text: string): boolean {
  return parseReferenceIfValid(text) !== undefined;
}

/** Adds the registry, and `library/` to a Docker Hub name of one part. Does not validate. */
function qualify(text: string): string {
  const [first, rest] = cut(text, '/');
  if (rest === undefined) return `${DOCKER_HUB}/${OFFICIAL}${text}`;
  const isHub = first === DOCKER_HUB || first === DOCKER_INDEX;
  if (!isHub && isHost(first)) return text;
  const path = isHub ? rest : text;
  return path.includes('/') ? `${DOCKER_HUB}/${path}` : `${DOCKER_HUB}/${OFFICIAL}${path}`;
}

function formatSelectors({ tag, digest }: Reference): string {
  return (tag === undefined ? '' : `:${tag}`) + (digest === undefined ? '' : `@${digest}`);
}

function verifiableDigest(reference: string, text: string): Digest {
  const digest = tryParseDigest(text);
  if (digest === undefined) {
    throw invalid(reference, `${JSON.stringify(text)} is not a digest: ${digestProblem(text) ?? ''}`);
  }
  if (digestAlgorithm(digest) === undefined) {
    throw invalid(
      reference,
      `content cannot be verified with ${JSON.stringify(text)}`,
      'Use a sha256 or sha512 digest.',
    );
  }
  return digest;
}

function invalidPath(text: string, path: string): ArgumentError {
  // The message quotes what the user wrote, without an added namespace.
  const written = text.includes(path) ? path : path.slice(OFFICIAL.length);
  if (PATH.test(path.toLowerCase())) {
    // With a lower-case name, `MyOrg` of `MyOrg/App` is not a host.
    const end = text.indexOf(written) + written.length;
    const lower = text.slice(0, end).toLowerCase() + text.slice(end);
    return invalid(text, 'repository names are lower case', `Did you mean ${JSON.stringify(lower)}?`);
  }
  const trimmed = text.replace(/(?<!\/)\/+(?=$|[:@])/, '');
  const isTrailing = trimmed !== text && written.length > 1 && isReference(trimmed);
  const hint = isTrailing ? `Did you mean ${JSON.stringify(trimmed)}?` : PATH_HINT;
  return invalid(text, `${JSON.stringify(written)} is not a repository name`, hint);
}

function invalid(text: string, problem: string, hint?: string): ArgumentError {
  return new ArgumentError(`invalid reference ${quote(text)}: ${problem}`, { hint });
}

/** Quotes the text for a message, without the password of `user:password@host/…`. */
function quote(text: string): string {
  return JSON.stringify(text.replace(/\/\/[^/]*@/, '//***@').replace(/^[^/]*@(?=[^@]*\/)/, '***@'));
}

function cut(text: string, separator: string): [before: string, after: string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
