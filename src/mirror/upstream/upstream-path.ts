import { AppError } from '../../platform/errors/app-error.js';

/**
 * The segments of a path of a manifest. Such paths are hostile until looked at: whatever could lead out of the source's tree
 * is refused with `upstream-path-refused`.
 */
export function pathSegments(path: string): string[] {
  const segments = path.split('/');
  for (const segment of segments) {
    if (
      segment === '' ||
      segment === '.' ||
      segment === '..' ||
      /[\u0000-\u001f\u007f\\]/.test(segment) ||
      /^[a-zA-Z]:/.test(segment)
    )
      throw new AppError('upstream', 'upstream-path-refused', {
        details: { path: path.slice(0, 200) },
      });
  }
  return segments;
}

/** The URL of a file below the base; the query of the base is kept, every segment is encoded. */
export function fileUrl(base: URL, path: string): URL {
  const url = new URL(base);
  const folder = base.pathname.endsWith('/') ? base.pathname : `${base.pathname}/`;
  url.pathname = folder + pathSegments(path).map(encodeURIComponent).join('/');
  url.hash = '';
  return url;
}

/** For messages, logs and details: without user and password. */
export function displayUrl(url: URL): string {
  const shown = new URL(url);
  shown.username = '';
  shown.password = '';
  return shown.href;
}
