/** What a simulated product does. Shares are from 0 to 1 and belong to different products; the rest behaves well. */
export interface FleetBehaviour {
  /** Takes `slowMilliseconds` instead of `workMilliseconds` for an update. */
  slow: number;
  /** Ends every update as failed. */
  failing: number;
  /** Says who it is once, then is never heard of again. */
  offline: number;
  /** A second machine reports the same identity in turns with the first. */
  duplicate: number;
  /** Sends each feedback twice, as clients do that did not hear the answer. */
  repeating: number;
  /** Goes on with an update although the server wants it cancelled. */
  cancelRefusing: number;
  workMilliseconds: number;
  slowMilliseconds: number;
  /** Seconds for which a poll asks to be held; 0: short polls. */
  waitSeconds: number;
  /** Seconds between short polls; null: as the server says. */
  pollSeconds: number | null;
  /** Downloads the artifacts and checks size and SHA-256; else it only says so. */
  downloads: boolean;
  /** Tells the server each step of an update; else only how it ended. */
  progress: boolean;
  /** Components that a product reports at first, by id; the version as people read it. */
  installed: Record<string, string>;
  productType: string;
}

export const FLEET_BEHAVIOUR: FleetBehaviour = {
  slow: 0,
  failing: 0,
  offline: 0,
  duplicate: 0,
  repeating: 0,
  cancelRefusing: 0,
  workMilliseconds: 200,
  slowMilliseconds: 30_000,
  waitSeconds: 55,
  pollSeconds: null,
  downloads: true,
  progress: true,
  installed: {},
  productType: 'Simulated Gateway',
};

export const ROLES = ['slow', 'failing', 'offline', 'duplicate', 'repeating', 'cancelRefusing'] as const;
export type Role = (typeof ROLES)[number] | 'well-behaved';

const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The role of the product at `index`: the same at every run, and spread evenly, so that small fleets have the shares too. */
export function roleOf(behaviour: FleetBehaviour, index: number): Role {
  const place = ((index + 1) * GOLDEN) % 1;
  let upTo = 0;
  for (const role of ROLES) {
    upTo += behaviour[role];
    if (place < upTo) return role;
  }
  return 'well-behaved';
}
