import { ArgumentError } from '../oci/errors.js';
import type { LoosePlatform, Platform } from '../oci/platform.js';

/** One source that a template stands for, and the platform that it was filled in with. */
export interface TemplateSource {
  readonly source: string;
  readonly platform: Platform;
}

const PLACEHOLDERS = /\{([^{}]*)\}/g;
const NAMES = ['os', 'arch', 'variant', 'platform'] as const;
/** manifest-tool's words, one or several in a row, but not as a part of another word in capitals: `MACOS`. */
const BARE_WORDS = /(?<![A-Z])(?:ARCH|OS|VARIANT)+(?![A-Z])/g;

/** Whether a source stands for many: `app:1.2-{arch}`. No reference has braces of its own. */
export function isTemplate(text: string): boolean {
  return text.search(PLACEHOLDERS) >= 0;
}

/**
 * The sources that a template stands for, in the order of the platforms: `{os}`, `{arch}`, `{variant}` are the parts of
 * a platform as they were asked for, `{platform}` is all of them joined by dashes, since a tag holds no slash
 * (`linux-arm-v7`). Capitals (`{ARCH}`) mean the same.
 *
 * Where a platform has no variant, `{variant}` goes together with the `-`, `_`, `.` or `/` before it, else after it:
 * `app:1.2-{arch}-{variant}` is `app:1.2-amd64`.
 * @throws ArgumentError where a placeholder is unknown, or no platform is given
 */
export function expandTemplate(text: string, platforms: readonly Platform[]): TemplateSource[] {
  const unknown = [...text.matchAll(PLACEHOLDERS)].find(([, name = '']) => !isName(name.toLowerCase()));
  if (unknown !== undefined) {
    throw new ArgumentError(`${JSON.stringify(text)}: ${unknown[0]} is not a placeholder`, {
      hint: `The placeholders are ${NAMES.map((name) => `{${name}}`).join(', ')}.`,
    });
  }
  if (platforms.length === 0) {
    throw new ArgumentError(`${JSON.stringify(text)} stands for no image without platforms`, {
      hint: 'Say which ones it is for, such as: --platform linux/amd64,linux/arm64/v8',
    });
  }
  return platforms.map((platform) => ({ source: fillTemplate(text, platform), platform }));
}

/**
 * Fills in the words `OS`, `ARCH` and `VARIANT`, which need no braces in manifest-tool's own files.
 * What the platform does not say stays as it is written, but for the variant of a platform that has none.
 */
export function fillBareWords(text: string, platform: LoosePlatform): string {
  if (platform.os === undefined || platform.architecture === undefined) return text;
  const template = text.replace(BARE_WORDS, (words) =>
    words.replaceAll(/ARCH|OS|VARIANT/g, (word) => `{${word}}`),
  );
  return fillTemplate(template, platform);
}

function fillTemplate(text: string, { os = '', architecture = '', variant = '' }: LoosePlatform): string {
  const values: Readonly<Record<string, string>> = {
    os,
    arch: architecture,
    variant,
    platform: [os, architecture, variant].filter((part) => part !== '').join('-'),
  };
  return (variant === '' ? withoutVariant(text) : text).replace(
    PLACEHOLDERS,
    (placeholder, name: string) => values[name.toLowerCase()] ?? placeholder,
  );
}

/** A separator that had the variant on one side would separate nothing. */
function withoutVariant(template: string): string {
  return template
    .replaceAll(/[-_.]+\{variant\}|\/\{variant\}(?=[:/@]|$)/gi, '')
    .replaceAll(/(^|[:/])\{variant\}[-_.]*/gi, '$1')
    .replaceAll(/\{variant\}/gi, '');
}

function isName(text: string): boolean {
  return NAMES.some((name) => name === text);
}
