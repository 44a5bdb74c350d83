import { DirectorySource } from './directory-source.js';
import { HttpSource, type HttpSourceOptions } from './http-source.js';
import type { UpstreamSource } from './source.js';

/** The kind of source follows from its address: `http(s)://…`, or `file:` and absolute paths. */
export function openSource(options: HttpSourceOptions): UpstreamSource {
  return options.url.startsWith('file:') || options.url.startsWith('/')
    ? new DirectorySource(options)
    : new HttpSource(options);
}
