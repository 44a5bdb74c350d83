import { createHash } from 'node:crypto';
import type { ScheduledEntry } from '../config/agent-config.js';
import { AgentError, ERROR_NUMBER } from '../errors/agent-error.js';
import { type HttpAccess, connectionError, readBounded } from '../server/http-access.js';
import type { Wanted } from '../transfer/artifact-download.js';

const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;

/** The full file that a manifest names for one entry. */
export interface SourceEntry {
  readonly path: string;
  readonly version: string;
  readonly size: number;
}

/**
 * Reads the entries `P.<id>=path, version, size` and `E.<id>=NAME, path, version, size[, minimum]`; everything else
 * (legacy twins, increments, comments) is not needed here. Keys are compared without letter case.
 */
export function parseManifest(text: string): Map<string, SourceEntry> {
  const entries = new Map<string, SourceEntry>();
  for (const line of text.split(/\r\n|\n|\r/)) {
    const pair = /^\s*([PE]\.[0-9a-f]+)\s*=([^;]*)/i.exec(line);
    if (!pair?.[1] || pair[2] === undefined) continue;
    const id = pair[1].toUpperCase();
    const fields = pair[2].split(',').map((field) => field.trim());
    const [path, version, size] = id.startsWith('E.') ? fields.slice(1) : fields;
    if (path && version && size && /^\d{1,15}$/.test(size)) entries.set(id, { path, version, size: Number(size) });
  }
  return entries;
}

/** A pulled update source: `<url>/server.ini` and the files that it names. */
export class UpdateSource {
  readonly #http: HttpAccess;
  readonly #url: string;
  #known: { etag: string; entries: Map<string, SourceEntry> } | null = null;

  constructor(http: HttpAccess, url: string) {
    this.#http = http;
    this.#url = url.replace(/\/+$/, '');
  }

  get url(): string {
    return this.#url;
  }

  /** @throws AgentError download/… with the reason why nothing is known about the source */
  async entries(signal?: AbortSignal): Promise<Map<string, SourceEntry>> {
    const url = `${this.#url}/server.ini`;
    const headers: Record<string, string> = this.#known ? { 'if-none-match': this.#known.etag } : {};
    const answer = await this.#http.send(url, { headers, signal });
    if (answer.statusCode === 304 && this.#known) {
      await answer.body.dump();
      return this.#known.entries;
    }
    if (answer.statusCode !== 200) {
      await answer.body.dump();
      throw this.#status(url, answer.statusCode);
    }
    const text = await readBounded(answer, MAX_MANIFEST_BYTES).catch((error: unknown) => {
      throw connectionError(url, error);
    });
    if (!/^\s*\[/m.test(text.toString('latin1'))) {
      throw new AgentError('download', 'manifest-not-ini', `${url} is not a manifest`);
    }
    const entries = parseManifest(text.toString('latin1'));
    const etag = answer.headers['etag'];
    this.#known = typeof etag === 'string' ? { etag, entries } : null;
    return entries;
  }

  /**
   * What to download for an entry. Manifests carry no digests; where the source's strong ETag is a SHA-256 (as Haishin's
   * is), it is the digest to check. @throws AgentError rejected/path-unsafe, download/…
   */
  async wanted(entry: SourceEntry, signal?: AbortSignal): Promise<Wanted> {
    const url = `${this.#url}/${safePath(entry.path)}`;
    const answer = await this.#http.send(url, { method: 'HEAD', signal });
    await answer.body.dump();
    if (answer.statusCode !== 200) throw this.#status(url, answer.statusCode);
    const etag = answer.headers['etag'];
    const sha256 = /^"([0-9a-f]{64})"$/.exec(typeof etag === 'string' ? etag : '')?.[1] ?? null;
    const key = sha256 ?? createHash('sha256').update(`${url}\n${entry.version}\n${entry.size}`).digest('hex');
    return { url, size: entry.size, sha256, key, headers: {} };
  }

  #status(url: string, status: number): AgentError {
    const number = status === 404 ? ERROR_NUMBER.notFound : ERROR_NUMBER.general;
    const hint = status === 503 ? ' (it may be publishing)' : '';
    return new AgentError('download', 'source-http-status', `${url} was answered with ${status}${hint}`, number);
  }
}

/** Id of a mapped entry as the parsed manifest spells it. */
export function entryId(scheduled: ScheduledEntry): string {
  return scheduled.entry.toUpperCase();
}

function safePath(path: string): string {
  const segments = path.split('/');
  const unsafe = segments.some(
    (segment) => segment === '' || segment === '.' || segment === '..' || /[\\%?#:]/.test(segment),
  );
  if (unsafe)
    throw new AgentError('rejected', 'path-unsafe', `not a usable path in the manifest: ${path.slice(0, 200)}`);
  return segments.map(encodeURIComponent).join('/');
}
