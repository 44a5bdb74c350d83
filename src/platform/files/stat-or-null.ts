import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';

/** What `stat` tells, or null when there is nothing of that name. (Its own option for that is ignored by Node 22 and by 24.9.) */
export async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw fault;
  }
}
