import { randomBytes } from 'node:crypto';

/** Ids sort by their time, to the millisecond: `20261122T215003123Z-1a2b3c`. */
export function newSnapshotId(at: Date): string {
  return `${at.toISOString().replace(/[-:.]/g, '')}-${randomBytes(3).toString('hex')}`;
}

/** Null for an id that was not made here. */
export function timeOfSnapshot(id: string): Date | null {
  const iso = id.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)(\d\d)(\d{3}Z)-.*$/, '$1-$2-$3:$4:$5.$6');
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? null : new Date(ms);
}
