import type { RepositoryPath } from '../../oci/reference.js';

export type RepositoryAction = 'pull' | 'push' | 'delete';

/** The right to do something with one repository (distribution, "Token Scope Documentation"). */
export interface RepositoryScope {
  readonly type: 'repository';
  readonly path: RepositoryPath;
  readonly actions: readonly RepositoryAction[];
}

/** A right that a token is asked for: one that a request is known to need, or a text that a registry's challenge named. */
export type Scope = RepositoryScope | string;

/** A scope's text taken apart. `actions` is missing where the text has not the form `type:name:actions`. */
interface ScopeParts {
  readonly resource: string;
  readonly actions: ReadonlySet<string> | undefined;
}

/** The right to read a repository, or to read and write it. */
export function repositoryScope(
  path: RepositoryPath,
  ...actions: readonly RepositoryAction[]
): RepositoryScope {
  return { type: 'repository', path, actions };
}

/** As a token server reads it: `repository:app:pull,push`, actions sorted, each once. Empty where no action is left. */
export function formatScope(scope: Scope): string {
  return format(takeApart(scopeText(scope)));
}

/**
 * One text for each resource, with all the actions that any of the scopes names. Scopes that may push come first,
 * because some token servers look at the first scope only; apart from that the order stays.
 */
export function mergeScopes(scopes: readonly Scope[]): readonly string[] {
  const merged = new Map<string, ScopeParts>();
  for (const scope of scopes) {
    const { resource, actions } = takeApart(scopeText(scope));
    const known = merged.get(resource)?.actions;
    merged.set(resource, {
      resource,
      actions: known === undefined || actions === undefined ? actions : new Set([...known, ...actions]),
    });
  }
  const all = [...merged.values()].filter((parts) => format(parts) !== '');
  return [...all.filter(pushes), ...all.filter((parts) => !pushes(parts))].map(format);
}

/** Whether who holds `held` may do all that `wanted` names. */
export function coversScopes(held: readonly Scope[], wanted: readonly Scope[]): boolean {
  return (
    mergeScopes([...held, ...wanted])
      .toSorted()
      .join(' ') === mergeScopes(held).toSorted().join(' ')
  );
}

/** The repository that a request is mainly about: that of its first repository scope. */
export function mainRepository(scopes: readonly Scope[]): RepositoryPath | undefined {
  return scopes.find((scope) => typeof scope !== 'string')?.path;
}

function scopeText(scope: Scope): string {
  return typeof scope === 'string' ? scope : `${scope.type}:${scope.path}:${scope.actions.join(',')}`;
}

function takeApart(text: string): ScopeParts {
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first === last) return { resource: text, actions: undefined };
  const actions = text.slice(last + 1).split(',');
  return { resource: text.slice(0, last), actions: new Set(actions.filter((action) => action !== '')) };
}

function format({ resource, actions }: ScopeParts): string {
  if (actions === undefined) return resource;
  if (actions.size === 0) return '';
  // `*` allows everything, so what stands beside it says nothing.
  return `${resource}:${actions.has('*') ? '*' : [...actions].sort().join(',')}`;
}

function pushes({ actions }: ScopeParts): boolean {
  return actions?.has('push') === true;
}
