import type { FileMap } from '../../mirror/snapshot/held-file.js';
import { pathFault } from '../../mirror/manifest/manifest-path.js';
import { AppError } from '../../platform/errors/app-error.js';

/**
 * An upload may replace files of its own component and no others.
 * @throws AppError `path-taken` with the path and whose it is; `file-name-invalid` for a path that cannot be served.
 */
export function requireFreePaths(paths: readonly string[], componentId: string, files: FileMap): void {
  for (const path of paths) {
    const why = pathFault(path);
    if (why !== null) throw new AppError('bad-input', 'file-name-invalid.path', { values: { path, why } });
    const key = path.toLowerCase();
    for (const [other, file] of files) {
      if (file.component === componentId) continue;
      if (other !== key && !other.startsWith(`${key}/`) && !key.startsWith(`${other}/`)) continue;
      throw new AppError('conflict', file.component === null ? 'path-taken.by-nobody' : 'path-taken', {
        details: { path: file.path, component: file.component },
      });
    }
  }
}
