import { createRequire } from 'node:module';

// Read rather than compiled in, so that the sources and the bundle in `dist` say the same.
const manifest = createRequire(import.meta.url)('../package.json') as { readonly version: string };

/** This release of multiarch. */
export const VERSION: string = manifest.version;
