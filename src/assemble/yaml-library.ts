/**
 * The parts of the library that YAML is read with, in a module that can be loaded on demand: a bundle would give the
 * library itself, which is CommonJS, as a default export only.
 * @module
 */
export {
  Composer,
  Lexer,
  LineCounter,
  Parser,
  Scalar,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  visit,
} from 'yaml';
