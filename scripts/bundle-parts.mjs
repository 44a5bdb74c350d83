// What bundling the program (bundle.mjs) and bundling what tests start (test/support/bundle-program.mjs) have in common.
import { dirname } from 'node:path';
import { isBuiltin } from 'node:module';
import { pathToFileURL } from 'node:url';

/**
 * TypeORM's other databases and Nest's other transports are asked for only where somebody installed them. What is imported while
 * the program runs gets all its names: of a CommonJS library the bundle would else only know the whole.
 */
export const libraries = {
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

export const bundleOptions = {
  bundle: true,
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
};
