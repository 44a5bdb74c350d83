// After the compiler: joins the two thousand modules of the server and its libraries to a few files, in place. Finding, reading and
// linking them one by one takes a third of a start. The modules of ours stay beside it for whoever imports them (benches, tests).
import { readFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { isBuiltin } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const dist = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist');

/** What a module finds by its own place (migrations, package.json) it must find from the bundle's place too. */
const ownPlace = {
  name: 'own-place',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, async ({ path }) => {
      if (!path.startsWith(dist)) return undefined;
      const text = await readFile(path, 'utf8');
      const place = JSON.stringify(join('..', relative(dist, path)));
      return { contents: text.replaceAll('import.meta.url', `new URL(${place}, import.meta.url).href`) };
    });
  },
};

/**
 * TypeORM's other databases and Nest's other transports are asked for only where somebody installed them. What is imported while
 * the program runs gets all its names: of a CommonJS library the bundle would else only know the whole.
 */
const libraries = {
  name: 'libraries',
  setup({ onResolve, onLoad, resolve }) {
    onResolve({ filter: /^[^./]/ }, async ({ path, kind, resolveDir, importer, pluginData }) => {
      if (pluginData === 'asked' || isBuiltin(path)) return undefined;
      const found = await resolve(path, { kind, resolveDir, importer, pluginData: 'asked' });
      if (found.errors.length > 0) return { path, external: true };
      return kind === 'dynamic-import' ? { path: found.path, namespace: 'with-names' } : found;
    });
    onLoad({ filter: /.*/, namespace: 'with-names' }, async ({ path }) => {
      const names = Object.keys(await import(pathToFileURL(path))).filter((name) => name !== 'module.exports');
      return {
        contents: `export { ${names.join(', ')} } from ${JSON.stringify(path)};`,
        resolveDir: dirname(path),
      };
    });
  },
};

await build({
  entryPoints: [join(dist, 'cli.js'), join(dist, 'mirror/source/content-worker-main.js')],
  outdir: dist,
  outbase: dist,
  allowOverwrite: true,
  chunkNames: 'bundle/[name]-[hash]',
  bundle: true,
  splitting: true,
  platform: 'node',
  format: 'esm',
  // As old as the Node that is told, in words, that it is too old.
  target: 'node20',
  // Names of classes are names of providers and entities.
  keepNames: true,
  // CommonJS libraries ask for Node's own modules.
  banner: {
    js: "import { createRequire as bundleRequire } from 'node:module'; const require = bundleRequire(import.meta.url);",
  },
  // The swagger plugin of the compiler repeats what a decorator says.
  logOverride: { 'duplicate-object-key': 'silent' },
  logLevel: 'warning',
  plugins: [ownPlace, libraries],
});
