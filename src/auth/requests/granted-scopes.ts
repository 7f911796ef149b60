import { parseJson } from '../../http/error-text.js';
import { isJsonObject } from '../../oci/json.js';
import { coversScopes, mergeScopes, type Scope } from './scope.js';

/**
 * Returns the scopes that a token does not grant, of those that a request needs. `undefined` if it grants all, or does not
 * say: only tokens in the form of distribution do ("Docker Registry v2 Bearer token specification"). Their signature is not
 * checked, since the result is for messages only.
 */
export function missingScopeOf(token: string | undefined, needed: readonly Scope[]): string | undefined {
  const granted = token === undefined ? undefined : grantedScopes(token);
  if (granted === undefined) return undefined;
  const missing = mergeScopes(needed).filter((scope) => !coversScopes(granted, [scope]));
  return missing.length === 0 ? undefined : missing.join(' ');
}

function grantedScopes(token: string): readonly Scope[] | undefined {
  const [, payload = ''] = token.split('.');
  const claims = parseJson(Buffer.from(payload, 'base64url').toString('utf8'));
  const access = isJsonObject(claims) ? claims['access'] : undefined;
  if (!Array.isArray(access)) return undefined;
  return access.filter(isJsonObject).map(({ type, name, actions }) => {
    const list = Array.isArray(actions) ? actions : [];
    return `${String(type)}:${String(name)}:${list.map(String).join(',')}`;
  });
}
