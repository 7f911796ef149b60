import { cacheUsage, clearCache, type CacheUsage } from '../cache/cache-usage.js';
import { ArgumentError, FailedError } from '../oci/errors.js';
import type { CacheSettings } from './transport-resolver.js';

/** Counts what is in the cache of a client. @throws ArgumentError if it has none; FailedError */
export function inspectCache(cache: CacheSettings | undefined): Promise<CacheUsage> {
  return cacheUsage(directoryOf(cache));
}

/** Clears the cache of a client. @returns what was removed @throws ArgumentError if it has none; FailedError */
export function emptyCache(cache: CacheSettings | undefined): Promise<CacheUsage> {
  return clearCache(directoryOf(cache));
}

function directoryOf(cache: CacheSettings | undefined): string {
  if (cache === undefined) {
    throw new ArgumentError('this client keeps no cache', {
      hint: 'Omit --no-cache. In the library, set the option cache.',
    });
  }
  if (cache.directory !== undefined) return cache.directory;
  throw new FailedError('nothing names a directory for the cache: the user has no home directory', {
    hint: 'Set HOME or XDG_CACHE_HOME.',
  });
}
