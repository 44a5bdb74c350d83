import { mkdir, mkdtemp, readdir, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '../platform/errors/app-error.js';
import type { SampleFile } from './sample-file.js';

/**
 * Writes files beside the target and moves them there by rename: no reader ever sees half a tree. A tree that is there is
 * moved aside just before, so for the moment between two renames there is none. Anything else that is there is left alone.
 */
export async function writeTree(directory: string, files: ReadonlyMap<string, SampleFile>): Promise<void> {
  const target = resolve(directory);
  const replaces = await isReplaceable(target, files);
  await mkdir(dirname(target), { recursive: true });
  const work = await mkdtemp(join(dirname(target), `.${basename(target)}-`));
  try {
    const fresh = join(work, 'new');
    for (const [path, file] of files) {
      const place = join(fresh, path);
      await mkdir(dirname(place), { recursive: true });
      await writeFile(place, file.content());
      await utimes(place, file.lastModified, file.lastModified);
    }
    if (replaces) await rename(target, join(work, 'old'));
    await rename(fresh, target);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

async function isReplaceable(target: string, files: ReadonlyMap<string, SampleFile>): Promise<boolean> {
  let present: string[];
  try {
    present = await readdir(target);
  } catch (thrown) {
    const code = (thrown as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return false;
    if (code === 'ENOTDIR') throw notATree(target);
    throw thrown;
  }
  const roots = new Set([...files.keys()].map((path) => path.split('/')[0]));
  if (
    present.length > 0 &&
    !(present.includes('server.ini') && present.every((name) => roots.has(name) || name === 'japan'))
  )
    throw notATree(target);
  return true;
}

function notATree(target: string): AppError {
  return new AppError('conflict', 'sample-directory-not-a-tree', { details: { directory: target } });
}
