/**
 * Joins a TypeScript program of the tests with all that it imports to one file, and says where that lies: tests that kill start
 * hundreds of processes, and a bundle starts in half the time. Made of the present sources; kept by its content.
 * Use: `node test/support/bundle-program.mjs file.ts`.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions, libraries } from '../../scripts/bundle-parts.mjs';
import { compiled, kept } from './compiled-source.mjs';

const [entry] = process.argv.slice(2);

/** Compiled as jest does it; what a module finds by its own place it finds from anywhere. */
const sources = {
  name: 'sources',
  setup({ onLoad }) {
    onLoad({ filter: /\.([cm]?js|ts)$/ }, ({ path }) => {
      const text = path.endsWith('.ts') ? compiled(path) : readFileSync(path, 'utf8');
      if (!path.endsWith('.ts') && !text.includes('import.meta.url')) return undefined;
      return { contents: text.replaceAll('import.meta.url', JSON.stringify(pathToFileURL(path).href)), loader: 'js' };
    });
  },
};

const { outputFiles } = await build({
  ...bundleOptions,
  entryPoints: [entry],
  write: false,
  outdir: kept,
  plugins: [sources, libraries],
});
const { text } = outputFiles[0];
const path = join(kept, `${createHash('sha256').update(text).digest('hex')}.mjs`);
if (!existsSync(path)) {
  writeFileSync(`${path}.${process.pid}`, text);
  renameSync(`${path}.${process.pid}`, path);
}
process.stdout.write(path);
