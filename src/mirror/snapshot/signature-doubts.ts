import { signaturePathOf } from '../manifest/signature-path.js';

/** What a source says for so long it means. */
const DOUBT_MS = 3_600_000;

/** A content, and the signature that a source has beside it; `signature` null: none, or none of its own, which may follow. */
export interface SignedPair {
  /** Of the file. */
  key: string;
  sha256: string;
  signature: string | null;
}

/** A pair of which only one is new: the source seems to be in the middle of publishing. */
export interface SignatureDoubt {
  /** Of the signature, in lower case. */
  path: string;
  /** Of the file. */
  sha256: string;
  /** SHA-256 of the signature. */
  signature: string | null;
  since: Date;
}

/** What is doubted of one source: at most one signature beside each content. */
export class SignatureDoubts {
  /** By path, then by content. */
  private readonly noted = new Map<string, Map<string, SignatureDoubt>>();
  /** Noted since they were last written down. */
  readonly news = new Set<SignatureDoubt>();

  constructor(
    known: Iterable<SignatureDoubt>,
    private readonly now: Date,
  ) {
    for (const doubt of known) this.put(doubt);
  }

  /** Notes the pair, unless it is noted already; false when the source has said the same for so long that it means it. */
  note(pair: SignedPair): boolean {
    const ms = this.doubtedFor(this.of(pair));
    if (ms !== null) return ms < DOUBT_MS;
    this.begin(pair);
    return true;
  }

  /** Doubts the pair from now on, unless it is doubted already; also one that the source has said for so long that it was believed. */
  begin(pair: SignedPair): void {
    if (this.isDoubted(pair)) return;
    const { key, sha256, signature } = pair;
    const doubt = { path: signaturePathOf(key), sha256, signature, since: this.now };
    this.put(doubt);
    this.news.add(doubt);
  }

  /**
   * The signature that was awaited beside a content has come: it is believed as if it had been doubted for long enough, and another one
   * is early again.
   */
  arrived(pair: SignedPair): void {
    if (!this.isDoubted({ ...pair, signature: null })) return;
    const { key, sha256, signature } = pair;
    const believed = new Date(this.now.getTime() - DOUBT_MS);
    const doubt = { path: signaturePathOf(key), sha256, signature, since: believed };
    this.put(doubt);
    this.news.add(doubt);
  }

  /** Whether the file of a pair is to be asked for again, whatever its signature says. */
  isDoubted(pair: SignedPair): boolean {
    return this.isYoung(this.of(pair));
  }

  /** Whether the pair is doubted, or another signature is expected beside its content. */
  isOpen(pair: SignedPair): boolean {
    return this.isDoubted(pair) || this.isDoubted({ ...pair, signature: null });
  }

  /** What a proxy cut off has the validators of the whole: a signature in doubt is asked for without them. */
  isSignatureDoubted(path: string, signature: string): boolean {
    return this.at(path).some((doubt) => doubt.signature === signature && this.isYoung(doubt));
  }

  /** Whether this signature is in doubt beside one of these contents. */
  isBeside(path: string, signature: string, contents: ReadonlySet<string>): boolean {
    return this.at(path).some(
      (doubt) => doubt.signature === signature && contents.has(doubt.sha256) && this.isYoung(doubt),
    );
  }

  /** What was noted beside a content last, however long ago; null when that is nothing. */
  signatureBeside(key: string, sha256: string): string | null {
    return this.noted.get(signaturePathOf(key))?.get(sha256)?.signature ?? null;
  }

  private put(doubt: SignatureDoubt): void {
    const beside = this.noted.get(doubt.path) ?? new Map<string, SignatureDoubt>();
    this.noted.set(doubt.path, beside.set(doubt.sha256, doubt));
  }

  private at(path: string): SignatureDoubt[] {
    return [...(this.noted.get(path)?.values() ?? [])];
  }

  /** The doubt of this very pair. */
  private of({ key, sha256, signature }: SignedPair): SignatureDoubt | undefined {
    const doubt = this.noted.get(signaturePathOf(key))?.get(sha256);
    return doubt?.signature === signature ? doubt : undefined;
  }

  private isYoung(doubt: SignatureDoubt | undefined): boolean {
    const ms = this.doubtedFor(doubt);
    return ms !== null && ms < DOUBT_MS;
  }

  /** Milliseconds; null when it is not doubted. */
  private doubtedFor(doubt: SignatureDoubt | undefined): number | null {
    if (doubt === undefined) return null;
    const ms = this.now.getTime() - doubt.since.getTime();
    // A time to come is left when the clock was set back since.
    return ms < 0 ? null : ms;
  }
}
