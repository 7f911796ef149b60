import { messageLine, withoutControls } from '../../oci/errors.js';

/** The colours that the tables and trees of this program use. */
// oxlint-disable-next-line no-control-regex
const COLOR = /(\u001B\[(?:1|2|22|31|32|33|36|39)m)/;

/** A command to GitHub Actions, at the start of a line. The runner ignores white space before it. */
const LINE_COMMAND = /^(\s*):(?=:)/;

/**
 * A command to Azure Pipelines (`##vso[`), GitHub Actions (`##[`) or TeamCity (`##teamcity[`). The first two look for it
 * anywhere in a line.
 */
const COMMAND = /#(?=#[a-z]{0,32}\[)/gi;

/**
 * The form of a text in which it is shown as one line. All text for people leaves the program through this function: names
 * and values of documents, registries and files can contain control characters, line ends and commands to CI systems.
 * @param options.color whether colours stay
 */
export function shownLine(text: string, { color = false }: { readonly color?: boolean } = {}): string {
  const plain = color
    ? text
        .split(COLOR)
        .map((part, index) => (index % 2 === 1 ? part : withoutControls(part)))
        .join('')
    : withoutControls(text);
  return plain.replace(LINE_COMMAND, '$1: ').replaceAll(COMMAND, '# ');
}

/** As {@link shownLine}, for a line on stderr, whose length is limited. */
export function shownMessage(text: string): string {
  return shownLine(messageLine(text));
}

/**
 * The form of a JSON document in which it is shown: line ends and indentation stay, since strings cannot contain them, and
 * inside strings everything that {@link shownLine} removes is escaped. The document keeps its value.
 * @param json valid JSON
 */
export function shownJson(json: string): string {
  return escapedJson(json, /[\u007F-\u009F\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]|#(?=#[a-z]{0,32}\[)/giu);
}

/** Escapes those characters of a JSON document that occur only inside strings. */
export function escapedJson(json: string, characters: RegExp): string {
  return json.replaceAll(characters, (text) =>
    text
      .split('')
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}

/** Formats a value as JSON for people and programs, indented by two spaces. */
export function jsonText(value: unknown): string {
  return shownJson(JSON.stringify(value, undefined, 2));
}
