import type { RepositoryPath } from '../../oci/reference.js';

export type RepositoryAction = 'pull' | 'push' | 'delete';

/** Permission for actions on one repository (distribution, "Token Scope Documentation"). */
export interface RepositoryScope {
  readonly path: RepositoryPath;
  readonly actions: readonly RepositoryAction[];
}

/** A scope to request a token for: one that a request is known to need, or the text of one from a registry's challenge. */
export type Scope = RepositoryScope | string;

/** A parsed scope. `actions` is `undefined` if the text does not have the form `type:name:actions`. */
interface ScopeParts {
  readonly resource: string;
  readonly actions: ReadonlySet<string> | undefined;
}

/** Returns the scope for actions on a repository. */
export function repositoryScope(
  path: RepositoryPath,
  ...actions: readonly RepositoryAction[]
): RepositoryScope {
  return { path, actions };
}

/**
 * Merges scopes to one text for each resource, actions sorted and unique: `repository:app:pull,push`. Omits those without
 * actions. Those with `push` come first, because some token servers read only the first scope; otherwise the order is kept.
 */
export function mergeScopes(scopes: readonly Scope[]): readonly string[] {
  const merged = new Map<string, ScopeParts>();
  for (const scope of scopes) {
    const { resource, actions } = parseScope(scopeText(scope));
    const known = merged.get(resource)?.actions;
    merged.set(resource, {
      resource,
      actions: known === undefined || actions === undefined ? actions : new Set([...known, ...actions]),
    });
  }
  const all = [...merged.values()].filter((parts) => format(parts) !== '');
  return [...all.filter(pushes), ...all.filter((parts) => !pushes(parts))].map(format);
}

/** Reports whether the scopes `granted` include all of `wanted`. */
export function coversScopes(granted: readonly Scope[], wanted: readonly Scope[]): boolean {
  return (
    mergeScopes([...granted, ...wanted])
      .toSorted()
      .join(' ') === mergeScopes(granted).toSorted().join(' ')
  );
}

/** Returns the main repository of a request: that of its first repository scope. */
export function mainRepository(scopes: readonly Scope[]): RepositoryPath | undefined {
  return scopes.find((scope) => typeof scope !== 'string')?.path;
}

function scopeText(scope: Scope): string {
  return typeof scope === 'string' ? scope : `repository:${scope.path}:${scope.actions.join(',')}`;
}

function parseScope(text: string): ScopeParts {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first === last) return { resource: text, actions: undefined };
  const actions = text.slice(last + 1).split(',');
  return { resource: text.slice(0, last), actions: new Set(actions.filter((action) => action !== '')) };
}

function format({ resource, actions }: ScopeParts): string {
  if (actions === undefined) return resource;
  if (actions.size === 0) return '';
  // `*` includes all other actions.
  return `${resource}:${actions.has('*') ? '*' : [...actions].sort().join(',')}`;
}

function pushes({ actions }: ScopeParts): boolean {
  return actions?.has('push') === true;
}
