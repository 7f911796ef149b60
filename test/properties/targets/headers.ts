import assert from 'node:assert/strict';

import * as fc from 'fast-check';

import { parseHttpDate } from '../../../src/http/retry.js';
import { parseWarnings } from '../../../src/http/warning-header.js';
import { againWhen } from '../../../src/registry/errors/rate-limit.js';
import { property, textOf, type Target } from '../property.js';

/** The characters that could act on a terminal, or start a line of a CI log. */
export const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/u;

const latin1 = (text: string): string => Buffer.from(text).toString('latin1');
const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, String.raw`\$&`)}"`;
/** Text in one line, without spaces at its ends or next to each other. */
const line = fc
  .array(fc.stringMatching(/^[!-~äé€😀]{1,8}$/u), { minLength: 1, maxLength: 6 })
  .map((words) => words.join(' '));

export const warning: Target = {
  name: 'warning',
  properties: [
    property(
      'the warnings of a registry are read back, and those of caches are left out',
      [
        fc.array(fc.tuple(line, fc.constantFrom('299 - ', '299 - ', '110 - ', '299 cache '), fc.boolean()), {
          maxLength: 5,
        }),
        fc.constantFrom(', ', ',', ' ,\t'),
      ],
      (texts, comma) => {
        const header = texts
          .map(([text, code, hasDate]) => {
            // The text of another warning must not look like one.
            const shown = code === '299 - ' ? text : text.replaceAll('299', '');
            return `${code}${quoted(shown)}${hasDate ? ' "Wed, 21 Oct 2015 07:28:00 GMT"' : ''}`;
          })
          .join(comma);
        const expected = texts.flatMap(([text, code]) => (code === '299 - ' ? [text] : []));
        assert.deepEqual(parseWarnings(latin1(header)), expected);
      },
    ),
    property(
      'any text gives warnings that can be printed, without invented text',
      [fc.oneof(textOf(['299 - "', '"', '\\', ', ', '\u001B[31m', '\n', 'a', '299', ' - ']), fc.string())],
      (text) => {
        const warnings = parseWarnings(latin1(text));
        for (const each of warnings) assert.doesNotMatch(each, CONTROLS);
        assert(warnings.join('').length <= text.length);
        return warnings.length === 0 ? 'none' : 'read';
      },
      { batch: 500, reaches: ['none', 'read'] },
    ),
  ],
};

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
/** Seconds since the epoch, from 1970 to 2049: years that two digits tell apart. */
const seconds = fc.integer({ min: 0, max: Date.UTC(2050, 0) / 1000 - 1 });

/** The three formats of RFC 9110, section 5.6.7, of the same time. */
function httpDates(time: number): readonly [imf: string, rfc850: string, asctime: string] {
  const date = new Date(time);
  const imf = date.toUTCString();
  const [, day = '', month = '', year = '', clock = ''] =
    /^\w+, (\d\d) (\w+) (\d+) (\S+) GMT$/.exec(imf) ?? [];
  const name = DAYS[date.getUTCDay()] ?? '';
  return [
    imf,
    `${name}, ${day}-${month}-${year.slice(-2)} ${clock} GMT`,
    `${name.slice(0, 3)} ${month} ${day.replace(/^0/, ' ')} ${clock} ${year}`,
  ];
}

export const retryAfter: Target = {
  name: 'retry-after',
  properties: [
    property(
      'an HTTP date is the same time in each of its formats, in any time zone',
      [seconds],
      (second) => {
        const zone = process.env['TZ'];
        process.env['TZ'] = 'America/New_York';
        try {
          for (const text of httpDates(second * 1000)) assert.equal(parseHttpDate(text), second * 1000, text);
        } finally {
          if (zone === undefined) delete process.env['TZ'];
          else process.env['TZ'] = zone;
        }
      },
    ),
    property(
      'any Retry-After of a rate limit is shown as a time from now, or as later',
      [
        fc.oneof(
          textOf(['1', '0', '9', '60', ' ', '-', '.', 'e', 'Wed, 21 Oct 2015 07:28:00 GMT', 'x'], 8),
          fc.nat().map(String),
          seconds.chain((second) => fc.constantFrom(...httpDates(second * 1000))),
        ),
        seconds,
      ],
      (text, now) => {
        const shown = againWhen({ headers: { 'retry-after': text } }, now * 1000);
        if (shown === 'later') return 'later';
        assert.match(shown, /^in (?:\d+ s|\d+ min|\d+ h(?: \d+ min)?)$/);
        if (/^\d{1,2}$/.test(text)) assert.equal(shown, `in ${Number(text)} s`);
        return 'time';
      },
      { batch: 500, reaches: ['later', 'time'] },
    ),
  ],
};
