/**
 * Which products a ring takes, of those that earlier rings left. Filters are combined by *and*; `percent` and `count` then
 * limit what passed them. At least one must be given; `all` stands alone or with a limit.
 */
export interface RingSelect {
  all?: true | undefined;
  /** Ids of groups, their descendants included. */
  groups?: string[] | undefined;
  /** Products with any of these tags. */
  tags?: string[] | undefined;
  productTypes?: string[] | undefined;
  /** Controller ids. */
  agents?: string[] | undefined;
  /** Of the products that are to be deployed to and pass the filters; rounded up. 0 < percent ≤ 100. */
  percent?: number | undefined;
  count?: number | undefined;
}

/**
 * When a ring opens, once the gate before it has let it: `at-once`; so many minutes after the end of the download (after
 * the order, where no download is behind it); or at the next local time HH:MM.
 */
export type RingStart =
  { kind: 'at-once' } | { kind: 'delay'; minutes: number } | { kind: 'local-time'; time: string; timeZone: string };

/** What must be true of a ring before the next may open. */
export interface RingGate {
  /** Successful ÷ (successful + failed), 0 to 1. */
  successShare: number;
  /** Share of the ring that must have ended before its results are judged, 0 to 1: a few absent products hold nobody up. */
  endedShare: number;
  /** How long the share must have been met. */
  soakMinutes: number;
  /** A person must say yes as well. */
  approval: boolean;
}

export interface Ring {
  name: string;
  select: RingSelect;
  start: RingStart;
  /** Products that may be at it at the same time; null: no limit. */
  concurrency: number | null;
  /** Products that may be told per minute; null: no limit. */
  ratePerMinute: number | null;
  gate: RingGate;
}

export interface PauseRule {
  /** Failed ÷ products of a ring, above 0 and to 1: reached, it pauses. Null: never. */
  failedShare: number | null;
  /** Products of a ring that expired or made no progress for long: reached, it pauses. Null: never. */
  timeouts: number | null;
}

/** What is frozen into a deployment when it is ordered. */
export interface PlanDefinition {
  rings: Ring[];
  pauseWhen: PauseRule;
  /** Products that come into the selection while the deployment runs are taken in. */
  lateJoiners: boolean;
}

export const OPEN_GATE: RingGate = { successShare: 0, endedShare: 0, soakMinutes: 0, approval: false };
export const DEFAULT_GATE: RingGate = { successShare: 0.9, endedShare: 0.9, soakMinutes: 0, approval: false };

/** An order without a plan: everybody at once, nothing pauses it. */
export const AT_ONCE: PlanDefinition = {
  rings: [
    {
      name: 'all',
      select: { all: true },
      start: { kind: 'at-once' },
      concurrency: null,
      ratePerMinute: null,
      gate: OPEN_GATE,
    },
  ],
  pauseWhen: { failedShare: null, timeouts: null },
  lateJoiners: false,
};

/** The plan of automatic deployments until a person makes another: one product, then 10 %, then all. */
export const SAFE_MODE: PlanDefinition = {
  rings: [
    {
      name: 'first',
      select: { count: 1 },
      start: { kind: 'at-once' },
      concurrency: null,
      ratePerMinute: null,
      gate: { successShare: 1, endedShare: 1, soakMinutes: 10, approval: false },
    },
    {
      name: '10 %',
      select: { percent: 10 },
      start: { kind: 'at-once' },
      concurrency: null,
      ratePerMinute: null,
      gate: { successShare: 0.95, endedShare: 0.9, soakMinutes: 10, approval: false },
    },
    {
      name: 'all',
      select: { all: true },
      start: { kind: 'at-once' },
      concurrency: null,
      ratePerMinute: null,
      gate: DEFAULT_GATE,
    },
  ],
  pauseWhen: { failedShare: 0.1, timeouts: null },
  lateJoiners: true,
};

/** When automatic deployments follow a download. */
export const BINDINGS = ['none', 'immediately', 'plan', 'new-updates'] as const;
export type Binding = (typeof BINDINGS)[number];
