/** Sources compiled exactly as jest does it, kept by their content. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import jestConfig from '../../jest.config.mjs';

const [, swcOptions] = jestConfig.transform['^.+\\.ts$'];
const require = createRequire(import.meta.url);
/** Of each account its own: some tests run as another one. */
export const kept = join(process.env.HAISHIN_TEST_DISK ?? tmpdir(), `haishin-compiled-${process.getuid()}`);
mkdirSync(kept, { recursive: true });

export function compiled(filename) {
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
