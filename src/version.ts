import manifest from '../package.json' with { type: 'json' };

/** This release of multiarch. The build compiles it in, so that one file answers `--version`. */
export const VERSION: string = manifest.version;
