import type { Descriptor } from '../oci/descriptor.js';
import { MAX_NESTED_INDEXES, type ManifestOrIndex } from '../oci/document.js';
import { InvalidError } from '../oci/errors.js';
import { allOf, TaskGroup, type TaskOptions } from './limit.js';
import { readChild } from './read-child.js';
import type { Source } from './source.js';

/** A manifest or index of a content graph. */
export interface GraphNode<S = Source> {
  readonly descriptor: Descriptor;
  /** What it is read from. The entries of an index are read from the same source. */
  readonly source: S;
  /** Set if it has been read already, so that it is not read again. */
  readonly document?: ManifestOrIndex | undefined;
}

/** A node whose document has been read and whose children have been visited. */
interface VisitedNode<T, D, S> extends Omit<GraphNode<S>, 'document'> {
  readonly document: D;
  /** The results for the entries of an index, in order and with repetitions. Empty for a manifest. */
  readonly below: readonly T[];
}

/** The two steps of a walk. They run their reads and writes as tasks of the group, with its signal. */
export interface WalkSteps<T, D, S = Source> {
  /** Reads a node. A node without a document has no children. */
  readonly read: (node: GraphNode<S>, tasks: TaskGroup) => Promise<D>;
  /** Called once for each distinct node, after its children. */
  readonly visit: (node: VisitedNode<T, D, S>, tasks: TaskGroup) => Promise<T> | T;
}

export interface WalkOptions extends TaskOptions {
  /** The number of indexes that the roots are nested in. @default 0 */
  readonly depth?: number;
}

interface Visit<T> {
  /** The number of indexes that the node is nested in, by the longest path known so far. */
  depth: number;
  /** The entries of an index, once it has been read. */
  children?: readonly Visit<T>[];
  readonly run: () => Promise<T>;
  result?: Promise<T>;
  readonly label: string;
}

/**
 * Walks a graph of indexes and manifests from its roots down, in parallel, and visits children before parents. Each
 * distinct media type, digest and size is read and visited once: a few kilobytes of indexes that list one another
 * repeatedly make millions of paths. Configs and layers are left to the visitor.
 *
 * The first failure cancels the rest, and is thrown when all tasks have settled: nothing is written after that.
 *
 * @returns the results for the roots, in order
 * @throws InvalidError for indexes nested more than {@link MAX_NESTED_INDEXES} deep on any path, cycles included;
 *   CancelledError; what the steps throw
 */
export async function walkGraph<
  T,
  D extends ManifestOrIndex | undefined = ManifestOrIndex,
  S extends Pick<Source, 'label'> = Source,
>(
  roots: readonly GraphNode<S>[],
  steps: WalkSteps<T, D, S>,
  { depth = 0, ...options }: WalkOptions = {},
): Promise<T[]> {
  const tasks = new TaskGroup(options);
  const visits = new Map<string, Visit<T>>();

  const visitOf = (node: GraphNode<S>): Visit<T> => {
    const { mediaType, digest, size } = node.descriptor;
    // The same digest with another media type or size is an error of the index, which only reading it reveals.
    const key = JSON.stringify([mediaType, digest, size]);
    const known = visits.get(key);
    if (known !== undefined) return known;
    const { label } = node.source;
    const visit: Visit<T> = { depth: -1, label, run: () => tasks.guard(() => run(node, visit)) };
    visits.set(key, visit);
    return visit;
  };

  const run = async (node: GraphNode<S>, visit: Visit<T>): Promise<T> => {
    const { descriptor, source } = node;
    const document = await steps.read(node, tasks);
    if (document?.kind === 'index') {
      visit.children = document.value.manifests.map((entry) => visitOf({ descriptor: entry, source }));
      checkDepth(visit, visit.children);
    }
    const below = await allOf((visit.children ?? []).map(started));
    return steps.visit({ descriptor, source, document, below }, tasks);
  };

  const starts = roots.map(visitOf);
  for (const visit of starts) deepen(visit, depth);
  return tasks.all(starts.map(started));
}

/** The `read` step of most walks: the document that is known, or the one in the node's source. */
export async function readNode(
  { descriptor, source, document }: GraphNode,
  tasks: TaskGroup,
): Promise<ManifestOrIndex> {
  return document ?? tasks.run(() => readChild(source, descriptor, tasks));
}

/** The distinct results of a walk whose results refer to those of their children: each once, children first. */
export function* distinctResults<T extends { readonly below: readonly T[] }>(
  results: readonly T[],
  seen = new Set<T>(),
): Generator<T> {
  for (const result of results) {
    if (seen.has(result)) continue;
    seen.add(result);
    yield* distinctResults(result.below, seen);
    yield result;
  }
}

function started<T>(visit: Visit<T>): Promise<T> {
  return (visit.result ??= visit.run());
}

/** Records a longer path to a node. In a cycle, the paths grow until they are too long. */
function deepen(visit: Visit<unknown>, depth: number): void {
  if (depth <= visit.depth) return;
  visit.depth = depth;
  if (visit.children !== undefined) checkDepth(visit, visit.children);
}

function checkDepth({ label, depth }: Visit<unknown>, children: readonly Visit<unknown>[]): void {
  if (depth >= MAX_NESTED_INDEXES) {
    throw new InvalidError(`${label} nests image indexes more than ${MAX_NESTED_INDEXES} deep`);
  }
  for (const child of children) deepen(child, depth + 1);
}
