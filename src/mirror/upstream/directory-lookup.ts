import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { statOrNull } from '../../platform/files/stat-or-null.js';

/**
 * The path as spelled; where that is not there, the first of those that differ only in case. A share may have been filled under several
 * spellings of one folder: all of them are looked into. The spelled path when there is none.
 */
export async function locate(root: string, segments: string[]): Promise<string> {
  const exact = join(root, ...segments);
  if (await exists(exact)) return exact;
  let refusal: Error | undefined;
  const search = async (folder: string, depth: number): Promise<string | null> => {
    const segment = segments[depth];
    if (segment === undefined) return (await exists(folder)) ? folder : null;
    for (const name of await matching(folder, segment, (fault) => (refusal ??= fault as Error))) {
      const found = await search(join(folder, name), depth + 1);
      if (found !== null) return found;
    }
    return null;
  };
  const found = await search(root, 0);
  if (found !== null) return found;
  if (refusal !== undefined) throw refusal;
  return exact;
}

/** Names in a folder that a segment may stand for, the one that is spelled like it first; none in what is no folder. */
async function matching(folder: string, segment: string, refused: (fault: unknown) => void): Promise<string[]> {
  const wanted = segment.toLowerCase();
  try {
    const names = (await readdir(folder)).filter((name) => name.toLowerCase() === wanted).sort();
    return names.includes(segment) ? [segment, ...names.filter((name) => name !== segment)] : names;
  } catch (fault) {
    // What one spelling hides may stand under another.
    if (!isAbsent(fault)) refused(fault);
    return [];
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await statOrNull(path)) !== null;
  } catch (fault) {
    if (isAbsent(fault)) return false;
    throw fault;
  }
}

function isAbsent(fault: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes((fault as NodeJS.ErrnoException).code ?? '');
}
