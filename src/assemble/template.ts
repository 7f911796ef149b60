import { ArgumentError } from '../oci/errors.js';
import type { LoosePlatform, Platform } from '../oci/platform.js';

/** A source of an expanded template, with its platform. */
export interface TemplateSource {
  readonly source: string;
  readonly platform: Platform;
}

const PLACEHOLDERS = /\{([^{}]*)\}/g;
const NAMES = ['os', 'arch', 'variant', 'platform'] as const;
/** manifest-tool's placeholders, one or several in a row, but not within another upper-case name: `MACOS`. */
const BARE_PLACEHOLDERS = /(?<![A-Z])(?:ARCH|OS|VARIANT)+(?![A-Z])/g;

/** Reports whether a source is a template: `app:1.2-{arch}`. References never contain braces. */
export function isTemplate(text: string): boolean {
  return text.search(PLACEHOLDERS) >= 0;
}

/**
 * Expands a template to one source for each platform, in order. `{os}`, `{arch}` and `{variant}` are the parts of the
 * platform as given; `{platform}` is all of them joined by dashes (`linux-arm-v7`), since a tag has no slashes. Upper
 * case (`{ARCH}`) is equivalent.
 *
 * For a platform without a variant, `{variant}` is removed with the `-`, `_`, `.` or `/` before it, or else after it:
 * `app:1.2-{arch}-{variant}` is `app:1.2-amd64`.
 * @throws ArgumentError for an unknown placeholder or without platforms
 */
export function expandTemplate(text: string, platforms: readonly Platform[]): TemplateSource[] {
  const unknown = [...text.matchAll(PLACEHOLDERS)].find(([, name = '']) => !isName(name.toLowerCase()));
  if (unknown !== undefined) {
    throw new ArgumentError(`${JSON.stringify(text)}: ${unknown[0]} is not a placeholder`, {
      hint: `The placeholders are ${NAMES.map((name) => `{${name}}`).join(', ')}.`,
    });
  }
  if (platforms.length === 0) {
    throw new ArgumentError(`${JSON.stringify(text)} is a template, but no platforms are given`, {
      hint: 'Select the platforms, for example: --platform linux/amd64,linux/arm64/v8',
    });
  }
  return platforms.map((platform) => ({ source: fillTemplate(text, platform), platform }));
}

/**
 * Replaces the placeholders `OS`, `ARCH` and `VARIANT`, which have no braces in manifest-tool's files. Without os and
 * architecture the text stays as it is. A missing variant is removed.
 */
export function fillBarePlaceholders(text: string, platform: LoosePlatform): string {
  if (platform.os === undefined || platform.architecture === undefined) return text;
  const template = text.replace(BARE_PLACEHOLDERS, (names) =>
    names.replaceAll(/ARCH|OS|VARIANT/g, (name) => `{${name}}`),
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

/** Removes the placeholder with the separator beside it. */
function withoutVariant(template: string): string {
  return (
    template
      // From the first separator on: a match could otherwise start at each of a long run of them.
      .replaceAll(/(?<![-_.])[-_.]+\{variant\}|\/\{variant\}(?=[:/@]|$)/gi, '')
      .replaceAll(/(^|[:/])\{variant\}[-_.]*/gi, '$1')
      .replaceAll(/\{variant\}/gi, '')
  );
}

function isName(text: string): boolean {
  return NAMES.some((name) => name === text);
}
