/** How long one file may try the patience of the mirror. Every fault of one file ends within 60 s with these values. */
export interface TransferLimits {
  /** TCP and TLS until the connection stands. */
  connectMs: number;
  /** From the request to the end of the answer's head. */
  headersMs: number;
  /** Longest silence within a body. */
  idleMs: number;
  /** Slowest body that is borne, averaged over `slowWindowMs`. */
  minBytesPerSecond: number;
  slowWindowMs: number;
  /** What all transfers of a source together have to bring while one of them has waited for `sourceWindowMs`, averaged over it. */
  minSourceBytesPerSecond: number;
  sourceWindowMs: number;
  /** All tries of one file together may go this long without a window of decent speed. */
  noProgressMs: number;
  tries: number;
  /** Wait before the second try; doubles, with jitter. */
  backoffMs: number;
  maxRedirects: number;
  /** Tries beyond `tries` that are granted while each one continues where the one before broke off. */
  maxResumes: number;
  /** A component that is asked to come back within this time waits for it, in all. */
  longestPauseMs: number;
  /** After so many components in a row that met silence, slowness, no connection or a request to pause the source is given up. */
  giveUpAfterComponents: number;
  /** After so many that met silence or slowness it is given up whatever comes in between: each one costs most of a minute. */
  giveUpAfterSilences: number;
}

export const DEFAULT_LIMITS: TransferLimits = {
  connectMs: 10_000,
  headersMs: 20_000,
  idleMs: 20_000,
  minBytesPerSecond: 1024,
  slowWindowMs: 20_000,
  minSourceBytesPerSecond: 16 * 1024,
  sourceWindowMs: 60_000,
  noProgressMs: 50_000,
  tries: 3,
  backoffMs: 500,
  maxRedirects: 3,
  maxResumes: 20,
  longestPauseMs: 5000,
  giveUpAfterComponents: 2,
  giveUpAfterSilences: 8,
};
