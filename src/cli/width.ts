import { stripVTControlCharacters } from 'node:util';

/**
 * How many columns a text takes on a terminal. Stands in for `string-width` in the bundle: yargs and ora measure only
 * texts of our own with it, and its Unicode tables cost more start-up time than all the rest of yargs.
 */
export default function stringWidth(text: string): number {
  return Array.from(stripVTControlCharacters(text)).length;
}
