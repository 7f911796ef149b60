/** A string, a mark, white space, or a run of anything else: a number or a literal. */
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]|[ \t\r\n]+|[^"{}[\],: \t\r\n]+/gy;

/**
 * Lays out JSON anew without reading it: numbers, escapes and members that are there twice stay as they are written.
 * Does what Go's `json.Indent` does, and so `docker manifest inspect`: `{}` and `[]` stay closed, white space before
 * the document goes, and white space after it stays.
 * @param text valid JSON
 * @param indent for each level
 */
export function indentJson(text: string, indent: string): string {
  const parts: string[] = [];
  let depth = 0;
  // Put off after `{` or `[`, since an empty one stays closed.
  let opened = false;
  let isDone = false;
  const newline = (): void => void parts.push('\n', indent.repeat(depth));
  for (const [token] of text.matchAll(TOKEN)) {
    if (/^[ \t\r\n]/.test(token)) {
      if (isDone) parts.push(token);
      continue;
    }
    const closes = token === '}' || token === ']';
    if (closes) depth -= 1;
    if (opened !== closes) newline();
    opened = token === '{' || token === '[';
    if (opened) depth += 1;
    parts.push(token === ':' ? ': ' : token);
    if (token === ',') newline();
    isDone = depth === 0;
  }
  return parts.join('');
}

/**
 * Makes JSON safe within HTML, as Go's `json.Marshal` does: `<`, `>`, `&` and the line ends of Unicode are only found in
 * strings, so this can be done to a whole document.
 */
export function escapeHtml(json: string): string {
  return json.replaceAll(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
