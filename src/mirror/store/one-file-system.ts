import { link, open, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../platform/errors/app-error.js';

/** What file systems answer that have no hard links: FAT, and some that are mounted through FUSE or from a network. */
const WITHOUT_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/**
 * Contents become blobs by renaming and stand in published trees by hard links; neither goes from one mount to another, also where
 * both show the same disk. So it is tried, and not read from device numbers. Whatever else is wrong with the disk is not looked for.
 * @param probe path of an empty file to be made, and removed
 * @throws AppError `data-directory-split`, `hard-links-unsupported`.
 */
export async function requireOneFileSystem(probe: string, directories: readonly string[]): Promise<void> {
  try {
    await (await open(probe, 'wx')).close();
  } catch {
    // A full or read-only disk: what is published can be served all the same.
    return;
  }
  try {
    for (const directory of directories) await requireLink(probe, directory);
  } finally {
    await rm(probe, { force: true });
  }
}

async function requireLink(probe: string, directory: string): Promise<void> {
  const path = join(directory, `.staging-${basename(probe)}`);
  try {
    await link(probe, path);
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? '';
    const details = { directory, other: dirname(probe) };
    if (errno === 'EXDEV')
      throw new AppError('storage', 'data-directory-split', {
        values: { directory, other: dirname(probe) },
        details,
        cause,
      });
    if (WITHOUT_LINKS.has(errno))
      throw new AppError('storage', 'hard-links-unsupported', {
        values: { directory },
        details: { ...details, errno },
        cause,
      });
  } finally {
    await rm(path, { force: true }).catch(() => undefined);
  }
}
