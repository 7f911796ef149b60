import type * as Yaml from 'yaml';

import type { Problem } from '../oci/errors.js';
import { pointerTo } from '../oci/schema-problems.js';
import type * as Library from './yaml-library.js';

export type YamlLibrary = typeof Library;

/** The source range of a value, as offsets into the text. */
interface SourceRange {
  /** The offset of the member's name; equal to that of the parent for an element of a list. */
  readonly name: number;
  readonly value: number;
  /** The source of a plain scalar that is not a string in YAML. */
  readonly plain?: string;
}

interface LocatedProblem extends Problem {
  readonly offset: number;
}

/** The maximum number of values, including those repeated by aliases. */
const MAX_VALUES = 20_000;
/** The maximum length of the locations of all values together, in characters: each repeats the names above it. */
const MAX_LOCATIONS = 16 * 1024 * 1024;
/** The rule of all limits. */
export const YAML_LIMIT = 'yaml/limit';
/** The rules after which a value is only a substitute, so that other problems of it are not reported. */
const SUBSTITUTED = new Set(['yaml/alias', 'yaml/tag']);
const CORE_TAG = /^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/;

/** Formats an offset into the text, counted from 1 as in editors. */
export function formatOffset(lines: Yaml.LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `line ${line}, column ${col}`;
}

/**
 * A value of the types that JSON has, with the source ranges of its parts. Follows aliases; reports merge keys and
 * unknown tags.
 */
export class YamlValue {
  readonly value: unknown;
  readonly #yaml: YamlLibrary;
  readonly #lines: Yaml.LineCounter;
  readonly #scalars: 'typed' | 'text';
  readonly #ranges = new Map<string, SourceRange>();
  readonly #problems: LocatedProblem[] = [];
  readonly #targets = new Map<Yaml.Alias, Yaml.Node>();
  readonly #open = new Set<unknown>();
  #count = 0;
  #length = 0;
  /** Whether a limit was exceeded. */
  #isCut = false;

  constructor(yaml: YamlLibrary, root: Yaml.Node | null, lines: Yaml.LineCounter, scalars: 'typed' | 'text') {
    this.#yaml = yaml;
    this.#lines = lines;
    this.#scalars = scalars;
    if (root !== null) this.#resolveAliases(root);
    this.value = this.#read(root, '', 0);
  }

  /**
   * Returns the given problems and those of the text itself, in the order of the text. Each message starts with line
   * and column. A wrong type of an unquoted scalar is explained.
   */
  report(problems: readonly Problem[]): Problem[] {
    // Beyond the limit the value is incomplete, and all other problems may be wrong.
    const limit = this.#problems.find(({ rule }) => rule === YAML_LIMIT);
    const substituted = new Set(
      this.#problems.filter(({ rule }) => SUBSTITUTED.has(rule)).map(({ pointer }) => pointer),
    );
    const located = problems
      .filter(({ pointer }) => !substituted.has(pointer))
      .map((problem) => ({ ...this.#explain(problem), offset: this.#offsetOf(problem) }));
    return (limit === undefined ? [...this.#problems, ...located] : [limit])
      .toSorted((a, b) => a.offset - b.offset)
      .map(({ offset, ...problem }) => ({
        ...problem,
        message: `${formatOffset(this.#lines, offset)}: ${problem.message}`,
      }));
  }

  /** Returns the line of a value, from 1. */
  lineOf(pointer: string): number {
    return this.#lines.linePos(this.#offsetOf({ pointer, message: '', rule: '' })).line;
  }

  /** Resolves each alias to the last preceding node with its anchor. */
  #resolveAliases(root: Yaml.Node): void {
    const anchors = new Map<string, Yaml.Node>();
    this.#yaml.visit(root, {
      Node: (_, node) => {
        if (this.#yaml.isAlias(node)) {
          const target = anchors.get(node.source);
          if (target !== undefined) this.#targets.set(node, target);
        } else if ('anchor' in node && typeof node.anchor === 'string') {
          anchors.set(node.anchor, node);
        }
      },
    });
  }

  #read(node: unknown, pointer: string, name: number): unknown {
    const { isAlias, isMap, isSeq, isScalar, isNode } = this.#yaml;
    const offset = isNode(node) ? (node.range?.[0] ?? name) : name;
    this.#count += 1;
    this.#length += pointer.length;
    if (this.#count > MAX_VALUES || this.#length > MAX_LOCATIONS) {
      if (!this.#isCut) {
        const what =
          this.#count > MAX_VALUES
            ? `${MAX_VALUES} values, including repeated ones`
            : `${MAX_LOCATIONS} characters in the names above all values`;
        this.#problem('', offset, `more than ${what}`, YAML_LIMIT);
      }
      this.#isCut = true;
      return null;
    }
    this.#ranges.set(pointer, { name, value: offset });
    if (isAlias(node)) return this.#alias(node, pointer, name, offset);
    if (isScalar(node)) return this.#scalar(node, pointer, name, offset);
    if (isMap(node) || isSeq(node)) {
      this.#checkTag(node, pointer, offset);
      this.#open.add(node);
      const value = isMap(node)
        ? this.#map(node, pointer)
        : node.items.map((item, index) => this.#read(item, pointer + pointerTo(index), offset));
      this.#open.delete(node);
      return value;
    }
    this.#ranges.set(pointer, { name, value: offset, plain: '' });
    return null;
  }

  #alias(node: Yaml.Alias, pointer: string, name: number, offset: number): unknown {
    const target = this.#targets.get(node);
    if (target !== undefined && !this.#open.has(target)) return this.#read(target, pointer, name);
    const reason = target === undefined ? 'has no anchor before it' : 'contains itself';
    this.#problem(
      pointer,
      offset,
      `is the alias ${JSON.stringify(node.source)}, which ${reason}`,
      'yaml/alias',
    );
    return null;
  }

  #scalar(node: Yaml.Scalar, pointer: string, name: number, offset: number): unknown {
    this.#checkTag(node, pointer, offset);
    const { value, source = '' } = node;
    if (typeof value === 'string') return value;
    if (this.#scalars === 'text' && value !== null) return source;
    this.#ranges.set(pointer, { name, value: offset, plain: source });
    return value;
  }

  #map(node: Yaml.YAMLMap, pointer: string): unknown {
    const members = new Map<string, unknown>();
    const names = new Map<string, number>();
    for (const { key, value } of node.items) {
      const offset = (this.#yaml.isNode(key) ? key.range?.[0] : undefined) ?? node.range?.[0] ?? 0;
      const name = this.#name(key, pointer, offset);
      if (name === undefined) continue;
      const inner = pointer + pointerTo(name);
      const first = names.get(name);
      if (first !== undefined) {
        const { line } = this.#lines.linePos(first);
        this.#problem(inner, offset, `is a duplicate member, first on line ${line}`, 'yaml/duplicate-name');
        continue;
      }
      names.set(name, offset);
      const read = this.#read(value, inner, offset);
      // Where all scalars are strings, a member without a value is absent.
      if (read !== null || this.#scalars === 'typed') members.set(name, read);
    }
    return Object.fromEntries(members);
  }

  #name(key: unknown, pointer: string, offset: number): string | undefined {
    const { isAlias, isScalar, Scalar } = this.#yaml;
    const node = isAlias(key) ? this.#targets.get(key) : key;
    const {
      value,
      source = '',
      type,
    } = isScalar(node) ? node : ({ value: undefined } as Partial<Yaml.Scalar>);
    const isPlain = type === Scalar.PLAIN;
    if (isPlain && source === '<<') {
      const message = 'has the merge key <<, which YAML 1.2 does not support: write the members out';
      this.#problem(pointer, offset, message, 'yaml/merge');
      return undefined;
    }
    if (typeof value === 'string') return value;
    if (isPlain && source !== '' && this.#scalars === 'text') return source;
    const message =
      isPlain && source !== ''
        ? `has the member name ${JSON.stringify(source)}, which is not a string: quote it`
        : 'has a member name that is not a string';
    this.#problem(pointer, offset, message, 'yaml/name');
    return undefined;
  }

  #checkTag({ tag }: Yaml.Scalar | Yaml.YAMLMap | Yaml.YAMLSeq, pointer: string, offset: number): void {
    if (tag === undefined || CORE_TAG.test(tag)) return;
    this.#problem(pointer, offset, `has the unknown tag ${JSON.stringify(tag)}`, 'yaml/tag');
  }

  #problem(pointer: string, offset: number, message: string, rule: string): void {
    this.#problems.push({ pointer, message, rule, offset });
  }

  /** Returns the offset of the name for an unknown member, and of the value for any other problem. */
  #offsetOf({ pointer, rule }: Problem): number {
    let path = pointer;
    while (path !== '' && !this.#ranges.has(path)) path = path.slice(0, path.lastIndexOf('/'));
    const { name = 0, value = 0 } = this.#ranges.get(path) ?? {};
    return rule === 'schema/additionalProperties' ? name : value;
  }

  #explain(problem: Problem): Problem {
    const plain = this.#ranges.get(problem.pointer)?.plain;
    if (plain === undefined || problem.rule !== 'schema/type') return problem;
    if (/^(?:null|~|)$/i.test(plain)) return { ...problem, message: `is empty, but ${problem.message}` };
    if (!problem.message.includes('a string')) return problem;
    return { ...problem, message: `is not a string without quotes: write ${JSON.stringify(plain)}` };
  }
}
