export type ConnectionState = 'never' | 'online' | 'overdue' | 'offline';

/** Missed polls after which a product is overdue, and after which it counts as offline. */
export const OVERDUE_AFTER = 3;
const OFFLINE_AFTER = 12;

export interface Connection {
  state: ConnectionState;
  /** Since when it is so; null when it never was heard of. */
  since: Date | null;
}

/** How a product stands, from its last contact and its poll interval. `online` since that contact. */
export function connectionOf(lastContactAt: Date | null, pollSeconds: number, now: Date): Connection {
  if (lastContactAt === null) return { state: 'never', since: null };
  const at = (intervals: number): Date => new Date(lastContactAt.getTime() + intervals * pollSeconds * 1000);
  if (now > at(OFFLINE_AFTER)) return { state: 'offline', since: at(OFFLINE_AFTER) };
  if (now > at(OVERDUE_AFTER)) return { state: 'overdue', since: at(OVERDUE_AFTER) };
  return { state: 'online', since: lastContactAt };
}

/** Bounds of the last contact for a state, in intervals: for a query. */
export function intervalsOf(state: 'online' | 'overdue' | 'offline'): { newerThan: number | null; olderThan: number } {
  if (state === 'online') return { newerThan: OVERDUE_AFTER, olderThan: 0 };
  if (state === 'overdue') return { newerThan: OFFLINE_AFTER, olderThan: OVERDUE_AFTER };
  return { newerThan: null, olderThan: OFFLINE_AFTER };
}
