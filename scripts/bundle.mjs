// After the compiler: joins the two thousand modules of the server and its libraries to a few files, in place. Finding, reading and
// linking them one by one takes a third of a start. The modules of ours stay beside it for whoever imports them (benches, tests).
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { bundleOptions, libraries } from './bundle-parts.mjs';

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

const { outputFiles } = await build({
  ...bundleOptions,
  entryPoints: [join(dist, 'cli.js'), join(dist, 'mirror/source/content-worker-main.js')],
  outdir: dist,
  outbase: dist,
  allowOverwrite: true,
  chunkNames: 'bundle/[name]-[hash]',
  splitting: true,
  plugins: [ownPlace, libraries],
  legalComments: 'external',
  write: false,
});

/**
 * One letter beyond Latin-1 makes V8 keep a whole file in two bytes a letter, and comments of libraries have such letters in most of
 * our files. Comments go only with all blanks; the second pass brings the lines back, for stack traces.
 */
async function withoutComments(text) {
  const options = { loader: 'js', format: 'esm', target: bundleOptions.target, legalComments: 'none' };
  const { code } = await transform(text, { ...options, minifyWhitespace: true });
  return (await transform(code, options)).code;
}

await mkdir(join(dist, 'bundle'), { recursive: true });
await Promise.all(
  outputFiles.map(async ({ path, text }) => {
    await writeFile(path, path.endsWith('.js') ? await withoutComments(text) : text);
  }),
);
