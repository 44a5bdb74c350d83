/** Every moment of an installation at which power may go; tests end the process there. */
export type InstallStep =
  | 'journal-written'
  | 'file-staged'
  | 'generation-staged'
  | 'generation-published'
  | 'before-flip'
  | 'pointer-prepared'
  | 'flipped'
  | 'all-flipped'
  | 'restart-due'
  | 'restarted'
  | 'revert-due'
  | 'pointer-reverted'
  | 'reverted'
  | 'settling'
  | 'pruned'
  | 'recorded'
  | 'journal-removed';

/** Called at every step. The service's own does nothing; a test's kills the process at the step under test. */
export interface CrashPoint {
  reach(step: InstallStep): void;
}

export const NO_CRASH: CrashPoint = { reach: () => undefined };
