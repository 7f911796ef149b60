import { createHash } from 'node:crypto';

import { printable } from '../../oci/errors.js';

/** HTML that is complete: its text is escaped. */
export class Html {
  constructor(readonly text: string) {}
}

type HtmlValue = string | number | Html | readonly HtmlValue[];

/** Builds HTML from a template. Every value that is not {@link Html} is escaped, as text and as the value of an attribute. */
export function markup(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.map((string, index) => string + textOf(values[index] ?? '')).join(''));
}

function textOf(value: HtmlValue): string {
  if (value instanceof Html) return value.text;
  if (typeof value === 'object') return value.map((each: HtmlValue) => textOf(each)).join('');
  // Marks of text direction could make one value look like another.
  return printable(String(value)).replaceAll(
    /[&<>"'`]/g,
    (character) => `&#${character.codePointAt(0) ?? 0};`,
  );
}

/**
 * Returns a page that loads nothing and runs nothing: its policy allows only the one style sheet in it.
 * @param style CSS
 */
export function htmlPage({ title, style, body }: { title: string; style: string; body: Html }): string {
  const hash = createHash('sha256').update(style).digest('base64');
  const policy = `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'`;
  return markup`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${new Html(style)}</style>
</head>
<body>
${body}
</body>
</html>`.text;
}
