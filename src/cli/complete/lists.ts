import { completionOf, type Completion } from './completion.js';

/** The platforms that images are most often built for. Others can be typed. */
const PLATFORMS = [
  'darwin/amd64',
  'darwin/arm64',
  'freebsd/amd64',
  'linux/386',
  'linux/amd64',
  'linux/arm/v5',
  'linux/arm/v6',
  'linux/arm/v7',
  'linux/arm64',
  'linux/loong64',
  'linux/mips64le',
  'linux/ppc64le',
  'linux/riscv64',
  'linux/s390x',
  'wasip1/wasm',
  'windows/amd64',
  'windows/arm64',
];

/** The keys of annotations that the image-spec defines (annotations.md, "Pre-Defined Annotation Keys"). */
const ANNOTATION_KEYS = [
  'authors',
  'base.digest',
  'base.name',
  'created',
  'description',
  'documentation',
  'licenses',
  'ref.name',
  'revision',
  'source',
  'title',
  'url',
  'vendor',
  'version',
].map((name) => `org.opencontainers.image.${name}`);

/** Completes the last platform of a list with commas. Platforms before it are not offered again. */
export function completePlatforms(text: string): Completion {
  const given = text.split(',').slice(0, -1);
  const prefix = given.map((platform) => `${platform},`).join('');
  return completionOf(
    PLATFORMS.filter((platform) => !given.includes(platform)).map((platform) => ({
      value: prefix + platform,
    })),
    text,
  );
}

/** Completes the key of `[index:|manifest:|manifest[PLATFORM]:]KEY=VALUE`. */
export function completeAnnotation(text: string): Completion {
  const [prefix = ''] = /^(?:index|manifest|manifest\[[^\]]*\]):/.exec(text) ?? [];
  const targets = prefix === '' ? ['index:', 'manifest:'] : [];
  return completionOf(
    [...ANNOTATION_KEYS.map((key) => `${prefix}${key}=`), ...targets].map((value) => ({ value })),
    text,
  );
}
