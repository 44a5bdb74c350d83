/** Files up to this size are kept in memory: manifests, signatures, increments. Bytes. */
export const SMALL_FILE_BYTES = 64 * 1024;

/** Least recently used content by SHA-256, bounded in bytes; content never changes under its digest. */
export class SmallFileCache {
  private readonly contents = new Map<string, Buffer>();
  private bytes = 0;

  constructor(private readonly maxBytes = 32 * 1024 * 1024) {}

  get(sha256: string): Buffer | undefined {
    const content = this.contents.get(sha256);
    if (content) {
      // A Map keeps insertion order, so the first key is always the one that was longest not asked for.
      this.contents.delete(sha256);
      this.contents.set(sha256, content);
    }
    return content;
  }

  set(sha256: string, content: Buffer): void {
    if (content.length > SMALL_FILE_BYTES || this.contents.has(sha256)) return;
    this.contents.set(sha256, content);
    this.bytes += content.length;
    for (const [oldest, old] of this.contents) {
      if (this.bytes <= this.maxBytes) return;
      this.contents.delete(oldest);
      this.bytes -= old.length;
    }
  }

  /** Bytes held now. */
  get size(): number {
    return this.bytes;
  }
}
