/**
 * The build steps that the TypeScript compiler does not do. Each is an exported function, and an argument of the command
 * line: `node build.mjs validators`.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('.', import.meta.url));

/** @type {Readonly<Record<string, () => Promise<void>>>} */
const steps = {
  validators: buildValidators,
  bundle: buildBundle,
  executable: buildExecutableMain,
  declarations: buildDeclarations,
  tarball: buildTarball,
  prepare,
};

/**
 * Compiles `schemas/*.schema.json` to `src/oci/schemas.generated.js`: plain functions, one export for each schema
 * (`image-index` is `imageIndex`), so that ajv itself is neither loaded nor installed at run time.
 */
export async function buildValidators() {
  // Imported here, since no other step needs them.
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
  // `schemas/output` describes what the program prints, which it does not check at run time.
  const files = readdirSync(`${root}schemas`).filter((file) => file.endsWith('.schema.json'));
  for (const file of files.toSorted()) {
    const name = file.replace('.schema.json', '');
    const schema = JSON.parse(readFileSync(`${root}schemas/${file}`, 'utf8'));
    ajv.addSchema(schema);
    exported[name.replaceAll(/-(.)/g, (_, letter) => letter.toUpperCase())] = schema.$id;
  }
  // ajv's code may `require` helpers of ajv, which an ES module cannot do: bundling includes them.
  const bundled = await build({
    stdin: { contents: appendErrors(standalone.default(ajv, exported)), resolveDir: root },
    bundle: true,
    format: 'esm',
    target: 'node20',
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    // Its types are in the declaration file.
    banner: { js: '// @ts-nocheck' },
    write: false,
  });
  const [output] = bundled.outputFiles;
  if (output === undefined) throw new Error('esbuild returned no output for the validators');
  const names = Object.keys(exported);
  writeFileSync(`${root}src/oci/schemas.generated.js`, output.text);
  writeFileSync(`${root}src/oci/schemas.generated.d.ts`, declarations(names));
}

/**
 * Modules that are files of their own in `dist`, and loaded when they are first needed. They share no code with other files: a
 * class or a variable in two files would be two. These are in the library too.
 */
const SHARED_PARTS = {
  'aws-sdk': 'src/auth/ecr/aws-sdk.ts',
  'got-library': 'src/http/got-library.ts',
  'yaml-library': 'src/assemble/yaml-library.ts',
};

/** Modules for a few calls, which are files of their own as {@link SHARED_PARTS} are. */
const RARE_PARTS = {
  'aws-sdk': SHARED_PARTS['aws-sdk'],
  'yaml-library': SHARED_PARTS['yaml-library'],
  'ora-library': 'src/cli/progress/ora-library.ts',
  'yargs-library': 'src/cli/yargs-library.ts',
};

/** As {@link RARE_PARTS}, for many calls. */
const COMMON_PARTS = {
  'got-library': SHARED_PARTS['got-library'],
  'keep-code': 'src/cli/start/keep-code.ts',
};

/** @type {import('esbuild').BuildOptions & { metafile: true, write: false }} */
const BUNDLE = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  // ES modules first: an `import()` of CommonJS has no named exports in a bundle of several files.
  mainFields: ['module', 'main'],
  keepNames: true,
  legalComments: 'none',
  // Otherwise the AWS SDK prints a warning on stderr that it will require a newer Node.
  define: { 'process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED': '"true"' },
  alias: {
    // Its Unicode tables take longer to load than all of yargs, and our own texts need none of them.
    'string-width': './src/cli/output/columns.ts',
  },
  metafile: true,
  write: false,
  logLevel: 'warning',
};

/** @type {typeof BUNDLE} */
const LIBRARY = {
  ...BUNDLE,
  entryPoints: { index: 'src/index.ts' },
  splitting: true,
  format: 'esm',
  chunkNames: '[name]-[hash]',
  plugins: [versionOnly(), withoutHttp2(), separate(SHARED_PARTS)],
  // Some dependencies are CommonJS and call `require`, which an ES module lacks.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module';const require = __createRequire(import.meta.url);",
  },
};

/**
 * One file of CommonJS starts in half the time of many ES modules. Its modules still run when they are first imported.
 * @type {typeof BUNDLE}
 */
const COMMAND = {
  ...BUNDLE,
  entryPoints: {
    start: 'src/cli/start/start.ts',
    cli: 'src/cli/main.ts',
    ...COMMON_PARTS,
  },
  format: 'cjs',
  outExtension: { '.js': '.cjs' },
  // `import()` becomes `require`, which the code cache serves.
  supported: { 'dynamic-import': false },
  define: { ...BUNDLE.define, 'import.meta.url': '__url' },
  banner: { js: "const __url = require('node:url').pathToFileURL(__filename).href;" },
  plugins: [versionOnly(), withoutHttp2(), separate({ ...RARE_PARTS, ...COMMON_PARTS })],
  // Less to read on each start. Lines stay short, since Node prints the line of an uncaught error.
  minifyWhitespace: true,
  lineLimit: 160,
  // Setting the name of each function takes a tenth of the time. Without it, few get a number at the end.
  keepNames: false,
};

/**
 * The entry points of the GitHub Actions in `action`. They run the command in their own process.
 * @type {typeof BUNDLE}
 */
const ACTIONS = {
  ...COMMAND,
  entryPoints: { action: 'action/main.ts', setup: 'action/setup/main.ts' },
  plugins: [versionOnly(), separate({ cli: 'src/cli/main.ts' })],
};

/**
 * Bundles the library, the command and the GitHub Actions to `dist` with all dependencies: installing multiarch installs
 * nothing else. The licences and the bill of materials of the dependencies are written to `dist` too. Names and lines stay, so
 * that the trace of an error is readable.
 */
export async function buildBundle() {
  const { build } = await import('esbuild');
  const parts = {
    ...COMMAND,
    entryPoints: RARE_PARTS,
    plugins: [withoutHttp2()],
    // The names of functions stay as a property, which traces show.
    keepNames: true,
    minifyIdentifiers: true,
    minifySyntax: true,
  };
  const results = await Promise.all([build(LIBRARY), build(COMMAND), build(parts), build(ACTIONS)]);
  // Written only after a successful build, so that a broken source does not remove the last working command.
  mkdirSync(`${root}dist`, { recursive: true });
  for (const file of readdirSync(`${root}dist`)) {
    if (/\.c?js$/.test(file)) rmSync(`${root}dist/${file}`);
  }
  for (const { path, contents } of results.flatMap(({ outputFiles }) => outputFiles)) {
    writeFileSync(path, contents);
  }
  const sizes = bundledPackages(results.map(({ metafile }) => metafile));
  const packages = [...sizes.keys()];
  // For docs/dependencies.md; not published.
  const bundle = packages.map((folder) => ({ ...readPackage(folder), bytes: sizes.get(folder) }));
  writeFileSync(`${root}dist/bundle.json`, `${JSON.stringify(bundle, undefined, 2)}\n`);
  writeFileSync(`${root}dist/THIRD-PARTY-LICENSES.txt`, licences(packages));
  writeFileSync(`${root}dist/sbom.cdx.json`, `${JSON.stringify(sbom(packages), undefined, 2)}\n`);
}

/** Bundles the main script of the single executables to `dist/executable/main.cjs`. The other files of the command are assets. */
export async function buildExecutableMain() {
  const { build } = await import('esbuild');
  await build({
    ...COMMAND,
    entryPoints: { main: 'src/cli/start/executable.ts' },
    outdir: 'dist/executable',
    // One file: the main script of an executable can load only modules of Node.js.
    plugins: [versionOnly()],
    write: true,
  });
}

/**
 * Rolls the declarations in `dist/types` up to `dist/index.d.ts`, which has the public types only, and writes the report of
 * the public API to `dist/api`.
 */
export async function buildDeclarations() {
  const { Extractor, ExtractorConfig, ExtractorLogLevel } = await import('@microsoft/api-extractor');
  const config = ExtractorConfig.loadFileAndPrepare(`${root}api-extractor.json`);
  mkdirSync(config.reportTempFolder, { recursive: true });
  const { errorCount } = Extractor.invoke(config, {
    messageCallback(message) {
      // `npm run check:api` compares the reports.
      if (message.logLevel !== ExtractorLogLevel.Error) message.handled = true;
    },
  });
  if (errorCount > 0) throw new Error('the public declarations are incomplete');
}

/** Packs the package to `dist/multiarch.tgz`, which the checks and tests of the package read. */
async function buildTarball() {
  const destination = `${root}dist/tarball`;
  rmSync(destination, { recursive: true, force: true });
  mkdirSync(destination);
  npm('pack', '--ignore-scripts', '--silent', '--pack-destination', destination);
  const [name = ''] = readdirSync(destination);
  renameSync(join(destination, name), `${root}dist/multiarch.tgz`);
  rmSync(destination, { recursive: true });
}

/**
 * The script that npm runs when the package is installed from git, and before it is packed: it builds `dist`. npm also runs it
 * after `npm ci` in a checkout, where the checks build themselves.
 */
async function prepare() {
  const { npm_command: command, INIT_CWD: directory = '' } = process.env;
  if (command !== 'ci' || join(directory, '/') !== root) npm('run', 'build');
}

/** Runs npm. @param {readonly string[]} args */
function npm(...args) {
  // On Windows, npm is a batch file, which needs a shell.
  execFileSync('npm', args, { cwd: root, stdio: 'inherit', shell: process.platform === 'win32' });
}

/**
 * Compiles the version in, and nothing else of package.json.
 * @returns {import('esbuild').Plugin}
 */
function versionOnly() {
  return {
    name: 'version-only',
    setup(esbuild) {
      esbuild.onLoad({ filter: /[\\/]package\.json$/ }, ({ path }) => {
        if (path !== join(root, 'package.json')) return undefined;
        const { version } = JSON.parse(readFileSync(path, 'utf8'));
        return { contents: JSON.stringify({ version }), loader: 'json' };
      });
    },
  };
}

/**
 * got imports `http2-wrapper` eagerly, which creates a TLS context; that takes longer than a request to a nearby registry.
 * HTTP/2 is never used here.
 * @returns {import('esbuild').Plugin}
 */
function withoutHttp2() {
  return {
    name: 'without-http2',
    setup(esbuild) {
      esbuild.onResolve({ filter: /^http2-wrapper$/ }, () => ({
        path: 'http2-wrapper',
        namespace: 'left-out',
      }));
      esbuild.onLoad({ filter: /.*/, namespace: 'left-out' }, () => ({ contents: 'export default {};' }));
    },
  };
}

/**
 * Leaves imports of modules to run time, when they are loaded from `dist`.
 * @param {Readonly<Record<string, string>>} parts the sources of the modules by their names in `dist`
 * @returns {import('esbuild').Plugin}
 */
function separate(parts) {
  const names = new Map(Object.entries(parts).map(([name, source]) => [join(root, source), name]));
  return {
    name: 'separate',
    setup(esbuild) {
      esbuild.onResolve({ filter: /^\.{1,2}\// }, ({ path, resolveDir, kind }) => {
        if (kind === 'entry-point') return undefined;
        const name = names.get(join(resolveDir, path.replace(/\.js$/, '.ts')));
        return name === undefined ? undefined : { path: `./${name}.cjs`, external: true };
      });
    },
  };
}

/**
 * Returns the folders of the packages that have code in a bundle, sorted, with the bytes of their code in all files.
 * @param {readonly import('esbuild').Metafile[]} metafiles
 */
function bundledPackages(metafiles) {
  /** @type {Map<string, number>} */
  const sizes = new Map();
  for (const { inputs } of metafiles.flatMap(({ outputs }) => Object.values(outputs))) {
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      // The validators have code of ajv, which the bundle gets as a part of them.
      const folder = input.endsWith('/schemas.generated.js')
        ? 'node_modules/ajv'
        : input.match(/^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/)?.[0];
      if (folder !== undefined && bytesInOutput > 0) {
        sizes.set(folder, (sizes.get(folder) ?? 0) + bytesInOutput);
      }
    }
  }
  return new Map([...sizes].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** @param {string} folder @returns {{ name: string, version: string, license: string }} */
function readPackage(folder) {
  const { name, version, license } = JSON.parse(readFileSync(`${root}${folder}/package.json`, 'utf8'));
  return { name, version, license };
}

/**
 * Returns the licence texts of packages.
 * @param {readonly string[]} folders
 */
function licences(folders) {
  return folders
    .map((folder) => {
      const { name, version, license } = readPackage(folder);
      const file = readdirSync(`${root}${folder}`).find((entry) => /^licen[cs]e/i.test(entry));
      const text =
        file === undefined ? `Licence: ${license}` : readFileSync(`${root}${folder}/${file}`, 'utf8');
      return `${name} ${version}\n\n${text.trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/**
 * Returns the bill of materials of the bundle (CycloneDX 1.6). It has the packages with code in the bundle, which `npm sbom`
 * cannot know: all of them are development dependencies. Equal inputs give an equal document, so it has no time.
 * @param {readonly string[]} folders of the bundled packages
 */
function sbom(folders) {
  /** @type {{ packages: Record<string, LockedPackage> }} */
  const lock = JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8'));
  const own = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));
  // In a work tree whose `node_modules` is a link, the folders are outside of it.
  const keys = folders.map((folder) => folder.slice(folder.indexOf('node_modules/')));
  const bundled = new Map(keys.map((key) => [key, lockedPackage(lock.packages, key)]));
  /** @param {string} key @param {Readonly<Record<string, string>>} dependencies */
  const dependsOn = (key, dependencies) =>
    Object.keys(dependencies).flatMap((name) => {
      // As node resolves: from the folder of the package upwards.
      for (let from = key; ; from = from.slice(0, Math.max(0, from.lastIndexOf('/node_modules/')))) {
        const found = bundled.get(`${from === '' ? '' : `${from}/`}node_modules/${name}`);
        if (found !== undefined) return found.purl;
        if (from === '') return [];
      }
    });
  // A package may be installed in several folders.
  const components = new Map([...bundled.values()].map((locked) => [locked.purl, locked]));
  const ownPurl = purl(own.name, own.version);
  /** @type {Map<string, Set<string>>} */
  const graph = new Map([[ownPurl, new Set(dependsOn('', own.devDependencies))]]);
  for (const [key, { purl: ref, dependencies }] of bundled) {
    graph.set(ref, new Set([...(graph.get(ref) ?? []), ...dependsOn(key, dependencies)]));
  }
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.6.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: component('application', own.name, own.version, own.license) },
    components: [...components.values()].map(({ name, version, license, sha512 }) => ({
      ...component('library', name, version, license),
      hashes: [{ alg: 'SHA-512', content: sha512 }],
    })),
    dependencies: [...graph].map(([ref, refs]) => ({ ref, dependsOn: [...refs] })),
  };
}

/** @param {string} type @param {string} name @param {string} version @param {string} license an SPDX expression */
function component(type, name, version, license) {
  const ref = purl(name, version);
  const licenses = [/[ ()]/.test(license) ? { expression: license } : { license: { id: license } }];
  return { type, 'bom-ref': ref, name, version, licenses, purl: ref };
}

/**
 * One package of package-lock.json.
 * @typedef {object} LockedPackage
 * @property {string} version
 * @property {string} license an SPDX expression
 * @property {string} integrity
 * @property {Record<string, string>} [dependencies]
 * @property {Record<string, string>} [peerDependencies]
 */

/** @param {Readonly<Record<string, LockedPackage>>} packages @param {string} key */
function lockedPackage(packages, key) {
  const { version, license, integrity, dependencies, peerDependencies } = packages[key] ?? {};
  if (version === undefined || license === undefined || integrity?.startsWith('sha512-') !== true) {
    throw new Error(`package-lock.json lacks the licence or the SHA-512 of ${key}, which is bundled`);
  }
  const name = key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
  return {
    name,
    version,
    license,
    purl: purl(name, version),
    sha512: Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex'),
    dependencies: { ...dependencies, ...peerDependencies },
  };
}

/** Returns the package URL of an npm package. @param {string} name @param {string} version */
function purl(name, version) {
  return `pkg:npm/${name.replace('@', '%40')}@${encodeURIComponent(version)}`;
}

/**
 * Makes ajv's code append errors. As generated, it copies all errors so far at each invalid element, which takes quadratic
 * time for a long list of them.
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
  return `/** One violation of a schema, as ajv reports it. */
export interface SchemaError {
  readonly instancePath: string;
  readonly schemaPath: string;
  readonly keyword: string;
  readonly params: Readonly<Record<string, unknown>>;
}

/** Reports whether the schema allows the value; if not, \`errors\` lists the violations until the next call. */
export interface Validator {
  (value: unknown): boolean;
  readonly errors?: readonly SchemaError[] | null;
}

${names.map((name) => `export declare const ${name}: Validator;\n`).join('')}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const names = process.argv.slice(2);
  const unknown = names.filter((name) => !Object.hasOwn(steps, name));
  if (names.length === 0 || unknown.length > 0) {
    console.error(`usage: node build.mjs ${Object.keys(steps).join('|')}...`);
    process.exitCode = 2;
  } else {
    for (const name of names) await steps[name]?.();
  }
}
