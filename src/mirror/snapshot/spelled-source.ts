import { AppError } from '../../platform/errors/app-error.js';
import type { Manifest } from '../manifest/manifest.js';
import { fileKey } from '../manifest/manifest-path.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import type {
  BlobRequest,
  FetchedBlob,
  NotModified,
  SmallRequest,
  SmallResult,
  UpstreamSource,
} from '../upstream/source.js';

/** Most spellings of one name that are asked for: a hostile manifest could have thousands of them. */
const MAX_SPELLINGS = 4;

/**
 * A source that is asked for a file in every spelling that its manifest has for it, until it has one: letter case is inconsistent
 * inside one manifest (activeupdate §2), and a server may tell cases apart. The same for signatures.
 */
export function inAnySpelling(source: UpstreamSource, manifest: Manifest): UpstreamSource {
  const spellings = new Map<string, Set<string>>();
  const add = (path: string): void => {
    const known = spellings.get(fileKey(path));
    if (known === undefined) spellings.set(fileKey(path), new Set([path]));
    else if (known.size < MAX_SPELLINGS) known.add(path);
  };
  for (const { files } of manifest.units.values())
    for (const { path, otherSpellings = [] } of files)
      for (const each of [path, ...otherSpellings]) {
        add(each);
        add(signaturePathOf(each));
      }
  const several = new Map([...spellings].filter(([, { size }]) => size > 1));
  return several.size === 0 ? source : new SpelledSource(source, several);
}

class SpelledSource implements UpstreamSource {
  constructor(
    private readonly source: UpstreamSource,
    private readonly spellings: ReadonlyMap<string, ReadonlySet<string>>,
  ) {}

  get url(): string {
    return this.source.url;
  }

  fetchSmall(path: string, request: SmallRequest): Promise<SmallResult> {
    return this.#untilFound(path, (each) => this.source.fetchSmall(each, request));
  }

  async fetchOptional(path: string, request: SmallRequest): Promise<FetchedBlob | NotModified | null> {
    for (const each of this.#all(path)) {
      const found = await this.source.fetchOptional(each, request);
      if (found !== null) return found;
    }
    return null;
  }

  fetchBlob(path: string, request: BlobRequest): Promise<FetchedBlob> {
    return this.#untilFound(path, (each) => this.source.fetchBlob(each, request));
  }

  reset(): void {
    this.source.reset();
  }

  close(): Promise<void> {
    return this.source.close();
  }

  /** That of the entry that asks comes first. */
  #all(path: string): Set<string> {
    return new Set([path, ...(this.spellings.get(fileKey(path)) ?? [])]);
  }

  async #untilFound<T>(path: string, ask: (spelling: string) => Promise<T>): Promise<T> {
    let missing: AppError | undefined;
    for (const each of this.#all(path))
      try {
        return await ask(each);
      } catch (thrown) {
        if (!(thrown instanceof AppError) || thrown.code !== 'upstream-not-found') throw thrown;
        missing ??= thrown;
      }
    throw missing ?? new AppError('internal', 'no-spelling');
  }
}
