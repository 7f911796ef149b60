/**
 * The build steps that the TypeScript compiler does not do. Each is a function that may be imported, and a word
 * on the command line: `node build.mjs validators`.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));

/** @type {Readonly<Record<string, () => Promise<void>>>} */
const steps = { validators: buildValidators, bundle: buildBundle };

/**
 * Compiles `schemas/*.schema.json` to `src/oci/schemas.generated.js`: plain functions, one export a schema
 * (`image-index` is `imageIndex`), so that ajv itself is neither loaded nor installed at run time.
 */
export async function buildValidators() {
  // Loaded here, since no other step needs them.
  const [{ Ajv2020 }, { default: standalone }, { build }] = await Promise.all([
    import('ajv/dist/2020.js'),
    import('ajv/dist/standalone/index.js'),
    import('esbuild'),
  ]);
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    allowUnionTypes: true,
    messages: false,
    code: { source: true, esm: true },
  });
  /** @type {Record<string, string>} */
  const exported = {};
  for (const file of readdirSync(`${root}schemas`).toSorted()) {
    const name = file.replace('.schema.json', '');
    const schema = JSON.parse(readFileSync(`${root}schemas/${file}`, 'utf8'));
    ajv.addSchema(schema);
    exported[name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase())] = schema.$id;
  }
  // ajv's code may `require` helpers of ajv, which an ES module cannot: bundling puts them into the file.
  const bundled = await build({
    stdin: { contents: appendErrors(standalone.default(ajv, exported)), resolveDir: root },
    bundle: true,
    format: 'esm',
    target: 'node20',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // Its types are in the declarations beside it.
    banner: { js: '// @ts-nocheck' },
    write: false,
  });
  const [output] = bundled.outputFiles;
  if (output === undefined) throw new Error('esbuild gave no output for the validators');
  const names = Object.keys(exported);
  writeFileSync(`${root}src/oci/schemas.generated.js`, output.text);
  writeFileSync(`${root}src/oci/schemas.generated.d.ts`, declarations(names));
}

/**
 * Bundles the command and the library to `dist`, each command and what it needs in a chunk of its own, with all
 * dependencies inside: installing multiarch installs nothing else. Their licences are written beside them.
 */
export async function buildBundle() {
  const { build } = await import('esbuild');
  const { metafile, outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: { cli: 'src/cli/main.ts', index: 'src/index.ts' },
    outdir: 'dist',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Where a package has ES modules, those: an `import()` of anything else gets no names in a bundle of many files.
    mainFields: ['module', 'main'],
    chunkNames: '[name]-[hash]',
    keepNames: true,
    minifySyntax: true,
    minifyWhitespace: true,
    legalComments: 'none',
    metafile: true,
    write: false,
    alias: {
      // Its tables of Unicode take longer to load than all of yargs; our own texts need none of them.
      'string-width': './src/cli/output/columns.ts',
    },
    plugins: [withoutHttp2],
    // Some dependencies are CommonJS, whose `require` an ES module lacks.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
    },
    logLevel: 'warning',
  });
  // Replaced only when all of it is built, so that a broken source does not take the last working command away.
  mkdirSync(`${root}dist`, { recursive: true });
  for (const file of readdirSync(`${root}dist`)) {
    if (file.endsWith('.js')) rmSync(`${root}dist/${file}`);
  }
  for (const { path, contents } of outputFiles) writeFileSync(path, contents);
  writeFileSync(`${root}dist/THIRD-PARTY-LICENSES.txt`, licences(Object.keys(metafile.inputs)));
}

/**
 * got loads `http2-wrapper` at once, and that makes a TLS context at once, which takes longer than a request to a near
 * registry. HTTP/2 is never used here.
 * @type {import('esbuild').Plugin}
 */
const withoutHttp2 = {
  name: 'without-http2',
  setup(esbuild) {
    esbuild.onResolve({ filter: /^http2-wrapper$/ }, () => ({
      path: 'http2-wrapper',
      namespace: 'left-out',
    }));
    esbuild.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'export default {};' }));
  },
};

/**
 * The licence texts of all packages that went into the bundle.
 * @param {readonly string[]} inputs the bundled files
 */
function licences(inputs) {
  const folders = new Set(
    inputs.flatMap((input) => input.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0] ?? []),
  );
  return [...folders]
    .toSorted()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'));
      const file = readdirSync(`${root}${folder}`).find((entry) => /^licen[cs]e/i.test(entry));
      const text =
        file === undefined ? `Licence: ${license}` : readFileSync(`${root}${folder}/${file}`, 'utf8');
      return `${name} ${version}\n\n${text.trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/**
 * ajv's code copies all errors so far at each element that is wrong, so a long list of wrong elements takes the square
 * of its length. This makes it append them.
 * @param {string} code
 */
function appendErrors(code) {
  const appended = code.replaceAll(/vErrors\.concat\((\w+\.errors)\)/g, 'append(vErrors, $1)');
  return `${appended}
function append(errors, more) {
  for (const error of more) errors.push(error);
  return errors;
}`;
}

/** @param {readonly string[]} names */
function declarations(names) {
  return `/** One thing that a schema does not allow, as ajv reports it. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Whether the schema allows the value; if not, \`errors\` says what is wrong until the next call. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}

${names.map((name) => `export declare const ${name}: Validator;\n`).join('')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const words = process.argv.slice(2);
  const unknown = words.filter((word) => !Object.hasOwn(steps, word));
  if (words.length === 0 || unknown.length > 0) {
    console.error(`usage: node build.mjs ${Object.keys(steps).join('|')}...`);
    process.exitCode = 2;
  } else {
    for (const word of words) await steps[word]?.();
  }
}
