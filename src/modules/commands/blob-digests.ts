import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import pLimit from 'p-limit';
import { BlobStore } from '../../mirror/store/blob-store.js';

export interface Sums {
  md5: string;
  sha1: string;
}

const MAX_KNOWN = 5_000;
/** Reading 65 MB takes a processor for a moment; products are served meanwhile. */
const PARALLEL = 2;

/** MD5 and SHA-1 of contents, which DDI asks for; computed once for each content, by whichever node is asked first. */
@Injectable()
export class BlobDigests {
  private readonly known = new Map<string, Promise<Sums>>();
  private readonly limit = pLimit(PARALLEL);

  constructor(
    private readonly dataSource: DataSource,
    private readonly blobs: BlobStore,
  ) {}

  /** @throws AppError `blob-not-found`. */
  async of(contents: readonly string[]): Promise<Map<string, Sums>> {
    const missing = [...new Set(contents)].filter((sha256) => !this.known.has(sha256));
    if (missing.length > 0) {
      const stored = this.stored(missing);
      for (const sha256 of missing) this.remember(sha256, stored);
    }
    return new Map(
      await Promise.all(contents.map(async (sha256): Promise<[string, Sums]> => [sha256, await this.one(sha256)])),
    );
  }

  private one(sha256: string): Promise<Sums> {
    return this.known.get(sha256) ?? this.compute(sha256);
  }

  private remember(sha256: string, stored: Promise<Map<string, Sums>>): void {
    const sums = stored.then((found) => found.get(sha256) ?? this.compute(sha256));
    this.known.set(sha256, sums);
    sums.catch(() => this.known.delete(sha256));
    const [oldest] = this.known.keys();
    if (this.known.size > MAX_KNOWN && oldest !== undefined) this.known.delete(oldest);
  }

  private async stored(contents: readonly string[]): Promise<Map<string, Sums>> {
    const rows = await this.dataSource.query<(Sums & { sha256: string })[]>(
      `select sha256, md5, sha1 from blob_digest where sha256 = any($1)`,
      [contents],
    );
    return new Map(rows.map(({ sha256, md5, sha1 }) => [sha256, { md5, sha1 }]));
  }

  private async compute(sha256: string): Promise<Sums> {
    const sums = await this.limit(() => this.blobs.digests(sha256));
    await this.dataSource.query(
      `insert into blob_digest (sha256, md5, sha1) values ($1, $2, $3) on conflict do nothing`,
      [sha256, sums.md5, sums.sha1],
    );
    return sums;
  }
}
