import type * as Yaml from 'yaml';

import type { Problem } from '../oci/errors.js';
import { pointerTo } from '../oci/schema-problems.js';
import type * as Library from './yaml-library.js';

/** What is used of the library that reads YAML. */
export type YamlLibrary = typeof Library;

/** A value out of YAML, and where in the text each part of it stands. */
export interface YamlValue {
  /** Of the types that JSON has. */
  readonly value: unknown;
  /**
   * All that is wrong, each message with line and column before it, in the order of the text: what reading the value
   * came upon, and these. What a text that was not quoted has become is explained.
   */
  report(problems: readonly Problem[]): Problem[];
}

/** Where a value is, as offsets into the text. */
interface SourceRange {
  /** Of the name before it, where it has one. */
  readonly name: number;
  readonly value: number;
  /** What stands there, where YAML takes it for something other than text. */
  readonly plain?: string;
}

interface PlacedProblem extends Problem {
  readonly offset: number;
}

/** Of all parts of a value together, with what aliases repeat. */
const MAX_VALUES = 20_000;
/** The rule that {@link MAX_VALUES} is. */
export const YAML_LIMIT = 'yaml/limit';
/** After these, what stands in the value's stead is not the file's own. */
const VOID = new Set(['yaml/alias', 'yaml/tag']);
const CORE_TAG = /^tag:yaml\.org,2002:(?:map|seq|str|int|float|bool|null)$/;

/** Where an offset into the text is, counted from 1 as editors do. */
export function rangeOf(lines: Yaml.LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset);
  return `line ${line}, column ${col}`;
}

/** Makes a value of a document's nodes. Aliases are followed, merge keys and tags of other types are refused. */
export class YamlReader implements YamlValue {
  readonly #yaml: YamlLibrary;
  readonly #lines: Yaml.LineCounter;
  readonly #scalars: 'typed' | 'text';
  readonly #places = new Map<string, SourceRange>();
  readonly #problems: PlacedProblem[] = [];
  readonly #targets = new Map<Yaml.Alias, Yaml.Node>();
  readonly #open = new Set<unknown>();
  #count = 0;
  value: unknown;

  constructor(yaml: YamlLibrary, lines: Yaml.LineCounter, scalars: 'typed' | 'text') {
    this.#yaml = yaml;
    this.#lines = lines;
    this.#scalars = scalars;
  }

  read(root: Yaml.Node | null): this {
    if (root !== null) this.#resolveAliases(root);
    this.value = this.#read(root, '', 0);
    return this;
  }

  report(problems: readonly Problem[]): Problem[] {
    // The value is not whole then, so nothing else that is found in it need be true.
    const limit = this.#problems.find(({ rule }) => rule === YAML_LIMIT);
    const stead = new Set(this.#problems.filter(({ rule }) => VOID.has(rule)).map(({ pointer }) => pointer));
    const others = problems.filter(({ pointer }) => !stead.has(pointer));
    const placed = others.map((problem) => ({
      ...this.#explain(problem),
      offset: this.#offsetOf(problem),
    }));
    return (limit === undefined ? [...this.#problems, ...placed] : [limit])
      .toSorted((a, b) => a.offset - b.offset)
      .map(({ pointer, message, rule, offset }) => ({
        pointer,
        message: `${rangeOf(this.#lines, offset)}: ${message}`,
        rule,
      }));
  }

  /** An alias means the last node before it that has the name, however the alias is reached later. */
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
    if (++this.#count > MAX_VALUES) {
      if (this.#count === MAX_VALUES + 1) {
        const message = `the file holds more than ${MAX_VALUES} values, counting what aliases repeat`;
        this.#problem('', offset, message, YAML_LIMIT);
      }
      return null;
    }
    this.#places.set(pointer, { name, value: offset });
    if (isAlias(node)) return this.#alias(node, pointer, name, offset);
    if (isScalar(node)) return this.#scalar(node, pointer, name, offset);
    if (isMap(node) || isSeq(node)) {
      this.#checkTag(node, pointer, offset);
      this.#open.add(node);
      const value = isMap(node) ? this.#map(node, pointer) : this.#seq(node, pointer, offset);
      this.#open.delete(node);
      return value;
    }
    this.#places.set(pointer, { name, value: offset, plain: '' });
    return null;
  }

  #alias(node: Yaml.Alias, pointer: string, name: number, offset: number): unknown {
    const target = this.#targets.get(node);
    if (target === undefined || this.#open.has(target)) {
      const reason =
        target === undefined ? 'nothing before it has that name' : 'it is within what it stands for';
      this.#problem(
        pointer,
        offset,
        `is the alias ${JSON.stringify(node.source)}, but ${reason}`,
        'yaml/alias',
      );
      return null;
    }
    return this.#read(target, pointer, name);
  }

  #scalar(node: Yaml.Scalar, pointer: string, name: number, offset: number): unknown {
    this.#checkTag(node, pointer, offset);
    const { value, source = '' } = node;
    if (typeof value === 'string') return value;
    if (this.#scalars === 'text' && value !== null) return source;
    this.#places.set(pointer, { name, value: offset, plain: source });
    return value;
  }

  #seq(node: Yaml.YAMLSeq, pointer: string, offset: number): unknown[] {
    return node.items.map((item, index) => this.#read(item, pointer + pointerTo(index), offset));
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
        this.#problem(inner, offset, `is there twice, first on line ${line}`, 'yaml/duplicate-name');
        continue;
      }
      names.set(name, offset);
      const read = this.#read(value, inner, offset);
      // What has no value is not there, to a reader that wants text of it.
      if (read !== null || this.#scalars === 'typed') members.set(name, read);
    }
    return Object.fromEntries(members);
  }

  #name(key: unknown, pointer: string, offset: number): string | undefined {
    const node = this.#yaml.isAlias(key) ? this.#targets.get(key) : key;
    const {
      value,
      source = '',
      type,
    } = this.#yaml.isScalar(node) ? node : { value: undefined, source: undefined, type: undefined };
    const isPlain = type === this.#yaml.Scalar.PLAIN;
    if (isPlain && source === '<<') {
      const message = 'holds the merge key <<, which YAML 1.2 does not have: write its members out';
      this.#problem(pointer, offset, message, 'yaml/merge');
      return undefined;
    }
    if (typeof value === 'string') return value;
    if (isPlain && source !== '') {
      if (this.#scalars === 'text') return source;
      const message = `has ${JSON.stringify(source)} for a name, which is not text to YAML: put it in quotes`;
      this.#problem(pointer, offset, message, 'yaml/name');
    } else {
      this.#problem(pointer, offset, 'has a member whose name is not text', 'yaml/name');
    }
    return undefined;
  }

  #checkTag(node: Yaml.Scalar | Yaml.YAMLMap | Yaml.YAMLSeq, pointer: string, offset: number): void {
    const { tag } = node;
    if (tag === undefined || CORE_TAG.test(tag)) return;
    this.#problem(
      pointer,
      offset,
      `has the type ${JSON.stringify(tag)}, which is not known here`,
      'yaml/tag',
    );
  }

  #problem(pointer: string, offset: number, message: string, rule: string): void {
    this.#problems.push({ pointer, message, rule, offset });
  }

  /** A member that should not be there is marked at its name, anything else at the value. */
  #offsetOf({ pointer, rule }: Problem): number {
    let path = pointer;
    while (path !== '' && !this.#places.has(path)) path = path.slice(0, path.lastIndexOf('/'));
    const { name = 0, value = 0 } = this.#places.get(path) ?? {};
    return rule === 'schema/additionalProperties' ? name : value;
  }

  #explain(problem: Problem): Problem {
    const plain = this.#places.get(problem.pointer)?.plain;
    if (plain === undefined || problem.rule !== 'schema/type') return problem;
    if (/^(?:null|~|)$/i.test(plain)) return { ...problem, message: `is empty, but ${problem.message}` };
    if (!problem.message.includes('a string')) return problem;
    const quoted = JSON.stringify(plain);
    return { ...problem, message: `is not text to YAML without quotes: write ${quoted}` };
  }
}
