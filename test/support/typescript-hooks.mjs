/**
 * Lets plain Node import the sources, compiled exactly as jest does it, so that what a test starts in another process is the present
 * source and not an old build. What was compiled is kept by its content: tests that kill start hundreds of processes. Use: `node --import ./test/support/typescript-hooks.mjs file.ts`.
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, enableCompileCache, registerHooks } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import jestConfig from '../../jest.config.mjs';

const [, swcOptions] = jestConfig.transform['^.+\\.ts$'];
const require = createRequire(import.meta.url);
/** Of each account its own: some tests run as another one. */
const kept = join(tmpdir(), `haishin-compiled-${process.getuid()}`);
mkdirSync(kept, { recursive: true });
enableCompileCache(join(kept, 'node'));

function compiled(filename) {
  const source = readFileSync(filename, 'utf8');
  const key = createHash('sha256')
    .update(JSON.stringify([filename, swcOptions, source]))
    .digest('hex');
  const path = join(kept, key);
  if (existsSync(path)) return readFileSync(path, 'utf8');
  // Only now: loading the compiler takes longer than all that it would do here.
  const { code } = require('@swc/core').transformSync(source, { ...swcOptions, filename, swcrc: false });
  writeFileSync(`${path}.${process.pid}`, code);
  renameSync(`${path}.${process.pid}`, path);
  return code;
}

registerHooks({
  resolve(specifier, context, next) {
    if (specifier.startsWith('.') && specifier.endsWith('.js') && context.parentURL?.endsWith('.ts')) {
      const source = new URL(`${specifier.slice(0, -'.js'.length)}.ts`, context.parentURL);
      if (existsSync(source)) return { url: source.href, format: 'module', shortCircuit: true };
    }
    return next(specifier, context);
  },
  load(url, context, next) {
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return next(url, context);
    return { format: 'module', source: compiled(fileURLToPath(url)), shortCircuit: true };
  },
});
