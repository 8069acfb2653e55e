import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { build, mergeConfig, type InlineConfig } from 'vite';
import shared from '../../vite.config.ts';
import { ROOT } from '../runner/files.ts';
import { describeSizes, overBudget, sizeOf } from './sizes.ts';

const USAGE = `npm run build -- [--out FOLDER]

Builds into dist/ (or FOLDER):
  index.js, elements.js, simulation.js   for bundlers: dependencies stay imports
  types/                                 declarations of the same
  tabring-elements.js                    all in one file, for a page without a bundler;
                                         the licenses of what is in it are beside it
  demo/                                  the demo, for any static host
  sizes.json                             bytes of the library alone, and with elements
Fails when an entry point is larger than its budget.`;

/** Entry points of the package, by the name of their file. */
const ENTRIES = {
  index: 'src/index.ts',
  elements: 'src/elements/index.ts',
  simulation: 'src/simulation/index.ts',
};

class UsageError extends Error {}

function outputFolder(args: readonly string[]): string | null {
  try {
    const options = { out: { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const;
    const { values } = parseArgs({ args: [...args], options });
    return values.help === true ? null : resolve(values.out ?? join(ROOT, 'dist'));
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** What all builds have in common. */
function inBuild(outDir: string, config: InlineConfig): InlineConfig {
  const common: InlineConfig = {
    configFile: false,
    logLevel: 'warn',
    publicDir: false,
    build: { outDir, emptyOutDir: false, target: 'es2022', modulePreload: false },
  };
  return mergeConfig(mergeConfig(shared, common), config);
}

/** What is installed with the package; helpers of the compiler are not. */
function isDependency(id: string): boolean {
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    dependencies: Readonly<Record<string, string>>;
  };
  return Object.keys(dependencies).some(name => id === name || id.startsWith(`${name}/`));
}

/** Dependencies stay imports, so that a bundler shares them with the rest of its application. */
async function buildForBundlers(out: string): Promise<void> {
  const entry = Object.fromEntries(
    Object.entries(ENTRIES).map(([name, path]) => [name, join(ROOT, path)]),
  );
  await build(
    inBuild(out, {
      build: {
        lib: { entry, formats: ['es'], fileName: (_, name) => `${name}.js` },
        minify: false,
        sourcemap: true,
        rolldownOptions: {
          external: isDependency,
          output: { chunkFileNames: 'chunks/[name]-[hash].js' },
        },
      },
    }),
  );
}

interface BundleOptions {
  /** Written to this folder, with the licenses of what is in it beside it; else only measured. */
  readonly out?: string;
  /** Whether what is imported dynamically gets files of its own. */
  readonly split?: boolean;
}

/** An entry point with everything it needs, minified. Returns its files, the first one first. */
async function bundle(name: string, path: string, { out, split = false }: BundleOptions = {}) {
  const outputs = await build(
    inBuild(out ?? join(ROOT, 'dist'), {
      build: {
        write: out !== undefined,
        license: { fileName: `${name}.licenses.md` },
        rolldownOptions: {
          input: { [name]: join(ROOT, path) },
          preserveEntrySignatures: 'exports-only',
          output: { codeSplitting: split, entryFileNames: '[name].js', format: 'es' },
        },
      },
    }),
  );
  const files = [outputs].flat().flatMap(result => ('output' in result ? result.output : []));
  return files.filter(file => file.type === 'chunk');
}

/** The code of an entry point in one file. */
async function bundleAsOne(name: string, path: string, out?: string): Promise<string> {
  const [chunk, ...others] = await bundle(name, path, out === undefined ? {} : { out });
  if (chunk === undefined || others.length > 0) throw new Error(`${path} is not one file`);
  return chunk.code;
}

/** The files of an entry point that a page loads at once: the entry, and what it imports statically. */
async function bundleAtStart(name: string, path: string): Promise<string[]> {
  const chunks = await bundle(name, path, { split: true });
  const loaded = new Set(chunks.filter(chunk => chunk.isEntry));
  for (const { imports } of loaded) {
    for (const chunk of chunks) if (imports.includes(chunk.fileName)) loaded.add(chunk);
  }
  return [...loaded].map(chunk => chunk.code);
}

/** The page at the root is the door; every folder of demo/ with a page of its own is another one. */
async function buildDemo(out: string): Promise<void> {
  const pages = readdirSync(join(ROOT, 'demo'))
    .map(name => join(ROOT, 'demo', name, 'index.html'))
    .filter(path => existsSync(path));
  const input = [join(ROOT, 'index.html'), ...pages];
  const license = { fileName: 'licenses.md' };
  await build(inBuild(join(out, 'demo'), { build: { license, rolldownOptions: { input } } }));
}

/** TypeScript leaves `.ts` in the imports of declarations, where nothing of that name will be. */
function buildTypes(out: string): void {
  const types = join(out, 'types');
  const tsc = join(packageFolder('typescript'), 'bin/tsc');
  const project = join(ROOT, 'test/build/tsconfig.json');
  const { status } = spawnSync(process.execPath, [tsc, '-p', project, '--outDir', types], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status !== 0) throw new Error('the declarations cannot be built');
  for (const name of readdirSync(types, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.d.ts')) continue;
    const path = join(types, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, text.replaceAll(/(['"])(\.{1,2}\/[^'"\n]*)\.ts\1/g, '$1$2.js$1'));
  }
}

function packageFolder(name: string): string {
  return dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));
}

/** A mistyped `--out` must not cost anybody a folder. */
function assertOurs(out: string): void {
  const isOurs = out === join(ROOT, 'dist') || existsSync(join(out, 'sizes.json'));
  if (isOurs || !existsSync(out) || readdirSync(out).length === 0) return;
  throw new UsageError(`${out} is not empty and not of an earlier build: it would be overwritten`);
}

async function main(out: string): Promise<void> {
  assertOurs(out);
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  buildTypes(out);
  await buildForBundlers(out);
  const elements = await bundleAsOne('tabring-elements', ENTRIES.elements, out);
  await buildDemo(out);
  const sizes = {
    library: sizeOf(await bundleAsOne('library', ENTRIES.index)),
    libraryAtStart: sizeOf(...(await bundleAtStart('library', ENTRIES.index))),
    elements: sizeOf(elements),
  };
  writeFileSync(join(out, 'sizes.json'), `${JSON.stringify(sizes, null, 2)}\n`);
  console.log(`\n${describeSizes(sizes)}\n\nbuilt into ${out}`);
  const excess = overBudget(sizes);
  if (excess.length > 0) throw new Error(excess.join('\n'));
}

try {
  const out = outputFolder(process.argv.slice(2));
  if (out === null) console.log(USAGE);
  else await main(out);
} catch (error) {
  const isUsage = error instanceof UsageError;
  const reason = error instanceof Error ? error.message : String(error);
  console.error(isUsage ? `${reason}\n\n${USAGE}` : `the build failed: ${reason}`);
  process.exitCode = isUsage ? 2 : 1;
}
