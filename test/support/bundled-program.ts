import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const BUNDLER = fileURLToPath(new URL('./bundle-program.mjs', import.meta.url));
/** For `NODE_COMPILE_CACHE`: what was compiled for one process serves all of them; keyed by content, so never stale. */
export const COMPILE_CACHE = fileURLToPath(new URL('../../.cache/test-programs', import.meta.url));
const bundled = new Map<string, string>();

/** Path of one file that is the TypeScript program with all that it imports, as the sources are when it is first asked for. */
export function bundledProgram(entry: URL): string {
  const known = bundled.get(entry.href);
  if (known !== undefined) return known;
  const env = { ...process.env, NODE_OPTIONS: '' };
  const path = execFileSync(process.execPath, [BUNDLER, fileURLToPath(entry)], { env, encoding: 'utf8' });
  bundled.set(entry.href, path);
  return path;
}
