/** What an upstream says about one version of a file; sent back to ask whether it changed. */
export interface Validators {
  etag?: string;
  lastModified?: string;
  /**
   * The file was so young that another change within the same second would not show: in a Last-Modified (RFC 9110 §8.8.2.2), and in
   * the ETags of servers that make them of time and size.
   */
  unsettled?: true;
}

interface OfComponent {
  /** Whose file it is: what goes wrong with it sets this component aside, not the source. Left out for files of the whole source. */
  component?: string;
}

interface OfSnapshot {
  /** Which snapshot a Haishin says that it answers from. */
  snapshot?: string | undefined;
}

export interface SmallContent extends Validators, OfSnapshot {
  status: 'ok';
  body: Buffer;
}

export interface NotModified extends OfSnapshot {
  status: 'not-modified';
}

export type SmallResult = SmallContent | NotModified;

export interface SmallRequest extends OfComponent {
  maxBytes: number;
  /** Given: the answer may be `not-modified`. */
  conditional?: Validators;
  signal?: AbortSignal;
}

/** A file that is in the blob store now; `size` in bytes. */
export interface FetchedBlob extends Validators {
  status: 'ok';
  sha256: string;
  size: number;
}

export interface BlobRequest extends OfComponent {
  /** Bytes that the manifest announces, or null when it announces none. Any other length is refused. */
  size: number | null;
  maxBytes: number;
  signal?: AbortSignal;
  /** Called with the number of bytes that have just arrived, not with a total; what it throws ends the transfer. */
  onProgress?: (bytes: number) => void;
}

/**
 * One place to mirror from; what it delivers is untrusted. Paths are relative to the source, `/` between segments, not
 * percent-encoded, as the manifest spells them.
 *
 * Errors are AppErrors: kind `upstream` with one of the codes in `faults.ts`, `conflict/cancelled` for an abort, kind
 * `storage` for our own disk. Details name `url` without credentials.
 */
export interface UpstreamSource {
  /** For people: without credentials. */
  readonly url: string;
  /** A file that is wanted in memory, such as the manifest; always asked for anew, past caches in between. */
  fetchSmall(path: string, request: SmallRequest): Promise<SmallResult>;
  /** A file that may be missing (a signature): null when the source has none; otherwise stored as a blob. */
  fetchOptional(path: string, request: SmallRequest): Promise<FetchedBlob | NotModified | null>;
  /** A file of any size, into the blob store; continued where an earlier try broke off, when its validator still holds. */
  fetchBlob(path: string, request: BlobRequest): Promise<FetchedBlob>;
  /**
   * Gives a source that was given up, and components that were set aside, another chance: what is asked for last must not fail for what
   * hung before it.
   */
  reset(): void;
  close(): Promise<void>;
}
