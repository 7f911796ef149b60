import * as fc from 'fast-check';

type Members = Record<string, unknown>;

/** A change of one value within a document. */
interface Change {
  /** Selects the value among all values of the document, in order. */
  readonly at: number;
  readonly kind: 'remove' | 'replace' | 'repeat' | 'rename' | 'add' | 'swap';
  readonly name: string;
  readonly value: unknown;
}

/** The names of members that specifications give a meaning to. */
const NAMES = [
  'schemaVersion',
  'mediaType',
  'artifactType',
  'manifests',
  'config',
  'layers',
  'subject',
  'annotations',
  'platform',
  'digest',
  'size',
  'data',
  'urls',
  'rootfs',
  'diff_ids',
  'os',
  'architecture',
  'variant',
  'os.version',
  'os.features',
  'imageLayoutVersion',
  'MediaType',
  '__proto__',
  'constructor',
  '',
];

/** Values that are nearly right somewhere. */
const nearly = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    2,
    0.5,
    1e300,
    2 ** 53,
    '',
    'linux',
    `sha256:${'0'.repeat(64)}`,
    `sha256:${'A'.repeat(64)}`,
    `sha512:${'0'.repeat(128)}`,
    'md5:0',
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.list.v2+json',
    'application/vnd.docker.distribution.manifest.v1+prettyjws',
    '../../etc/passwd',
    '\u001B[31m',
    [],
    {},
    [null],
  ),
);

const change: fc.Arbitrary<Change> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('remove', 'replace', 'replace', 'repeat', 'rename', 'add', 'swap'),
  name: fc.constantFrom(...NAMES),
  value: nearly,
});

/** Documents like the given ones, with one to three values removed, replaced, repeated, renamed, added or swapped. */
export function changedJson(document: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc
    .tuple(document, fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([value, changes]) => changes.reduce(applyChange, value));
}

function applyChange(document: unknown, { at, kind, name, value }: Change): unknown {
  // A copy, as a generated value must not change.
  const root: Members = { root: JSON.parse(JSON.stringify(document)) };
  const all = locations(root);
  const [parent, key] = all[at % all.length] ?? [root, 'root'];
  const current = parent[key];
  if (kind === 'replace') set(parent, key, value);
  else if (kind === 'remove' && parent !== root) remove(parent, key);
  else if (kind === 'add' && isMembers(current) && !Array.isArray(current)) set(current, name, value);
  else if (kind === 'repeat' && Array.isArray(parent)) parent.push(current);
  else if (kind === 'rename' && !Array.isArray(parent) && parent !== root) {
    remove(parent, key);
    set(parent, name, current);
  } else if (kind === 'swap') {
    const [other, otherKey] = all[(at * 31 + 7) % all.length] ?? [root, 'root'];
    set(parent, key, JSON.parse(JSON.stringify(other[otherKey] ?? null)));
  }
  return root['root'];
}

/** All values within, by the object or array that has them. */
function locations(value: unknown): [Members, string][] {
  if (!isMembers(value)) return [];
  return Object.keys(value).flatMap((key): [Members, string][] => [[value, key], ...locations(value[key])]);
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null;
}

/** Sets an own member, also one named `__proto__`, as JSON.parse does. */
function set(members: Members, key: string, value: unknown): void {
  Object.defineProperty(members, key, { value, enumerable: true, configurable: true, writable: true });
}

function remove(parent: Members, key: string): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else delete parent[key];
}
