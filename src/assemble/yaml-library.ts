/**
 * The used parts of the YAML library, in a module that is loaded on demand. The library itself is CommonJS, which a
 * bundle imports dynamically only as a default export.
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
