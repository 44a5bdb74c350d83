import { createHash } from 'node:crypto';
import { type ByteRecipe, makeBytes, plannedSize } from './sample-bytes.js';

/** One file as it is published now. Immutable: a new release brings a new object, also under an old name. */
export interface SampleFile {
  /** Relative to the base URL, in the manifest's spelling. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Strong, with its quotes. */
  readonly etag: string;
  readonly lastModified: Date;
  content(): Buffer;
}

/** Keeps recently made contents, at most `budgetBytes` of them: big files are made once, a long run stays small. */
export class ContentCache {
  private readonly held = new Map<string, Buffer>();
  private heldBytes = 0;

  constructor(private readonly budgetBytes: number) {}

  get(key: string, make: () => Buffer): Buffer {
    const known = this.held.get(key);
    const content = known ?? make();
    if (known)
      this.held.delete(key); // and put back below, as the most recent
    else this.heldBytes += content.length;
    this.held.set(key, content);
    for (const [oldest, bytes] of this.held) {
      if (this.heldBytes <= this.budgetBytes || oldest === key) break;
      this.held.delete(oldest);
      this.heldBytes -= bytes.length;
    }
    return content;
  }
}

/** Turns recipes into files; owns seed, mode and cache, so that files need not know them. */
export class SampleFileFactory {
  private readonly sizes = new Map<string, number>();

  constructor(
    private readonly seed: number,
    private readonly compressed: boolean,
    private readonly cache: ContentCache = new ContentCache(256 * 1024 * 1024),
  ) {}

  made(path: string, recipe: ByteRecipe, lastModified: Date): SampleFile {
    const content = (): Buffer => this.cache.get(recipe.identity, () => makeBytes(this.seed, recipe, this.compressed));
    const size = this.sizeOf(recipe, content);
    const digest = createHash('sha256')
      .update(`${this.seed}|${this.compressed}|${recipe.identity}|${size}`)
      .digest('hex');
    return { path, size, etag: `"${digest.slice(0, 32)}"`, lastModified, content };
  }

  private sizeOf(recipe: ByteRecipe, content: () => Buffer): number {
    if (!this.compressed || recipe.container === 'raw') return plannedSize(recipe);
    let size = this.sizes.get(recipe.identity);
    if (size === undefined) this.sizes.set(recipe.identity, (size = content().length));
    return size;
  }
}

/** A file whose bytes are already there: the manifest. */
export function literalFile(path: string, bytes: Buffer, lastModified: Date): SampleFile {
  const digest = createHash('sha256').update(bytes).digest('hex');
  return { path, size: bytes.length, etag: `"${digest.slice(0, 32)}"`, lastModified, content: () => bytes };
}
