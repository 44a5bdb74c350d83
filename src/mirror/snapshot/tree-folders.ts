import type { HeldFile } from './held-file.js';

export interface TreeFolder {
  /** Those that stand directly in it. */
  files: HeldFile[];
  /** It has folders of its own. */
  nested: boolean;
}

/** All folders of a tree by their path, `''` for the tree itself; each after the one that it stands in. */
export function foldersOf(files: Iterable<HeldFile>): Map<string, TreeFolder> {
  const folders = new Map<string, TreeFolder>([['', { files: [], nested: false }]]);
  const folder = (path: string): TreeFolder => {
    const known = folders.get(path);
    if (known !== undefined) return known;
    folder(parentOf(path)).nested = true;
    const made: TreeFolder = { files: [], nested: false };
    folders.set(path, made);
    return made;
  };
  for (const file of files) folder(parentOf(file.path)).files.push(file);
  return folders;
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
