import type { FileMap, HeldFile } from './held-file.js';

/**
 * A client that has nothing but `If-Modified-Since` must learn of every other content under a name, also of an earlier one that
 * a rollback brings back, or of a second one within a second. So the time under one name never goes back, and goes on with the content.
 */
export function notBackInTime(files: readonly HeldFile[], held: FileMap, now: Date): HeldFile[] {
  return files.map((file) => {
    const before = held.get(file.path.toLowerCase());
    if (before === undefined) return file;
    const earlier = secondOf(before.mtime);
    if (before.sha256 === file.sha256) return secondOf(file.mtime) < earlier ? { ...file, mtime: before.mtime } : file;
    if (secondOf(file.mtime) > earlier) return file;
    return { ...file, mtime: new Date(Math.max(now.getTime(), (earlier + 1) * 1000)).toISOString() };
  });
}

/** HTTP dates have whole seconds. */
function secondOf(time: string): number {
  return Math.floor(Date.parse(time) / 1000);
}
