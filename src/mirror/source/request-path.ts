import { pathOf } from '../../platform/http/target-path.js';
import type { Channel } from '../snapshot/channel.js';

/** What a URL of the update source asks for. */
export interface SourceRequest {
  readonly channel: Channel;
  /** Lower-cased id of a frozen snapshot, or null for what is current. */
  readonly snapshot: string | null;
  /** Lower-cased path below the base; empty or ending in `/` for a directory. */
  readonly path: string;
}

/** `not-ours`: another part of the server answers. `refused`: ours, but it leads out or is not a proper URL. */
export type ParsedTarget = SourceRequest | 'not-ours' | 'refused';

const PUBLIC_BASE = '/activeupdate';
/** Where Control Manager publishes; products that were pointed there need not be touched. */
const CONTROL_MANAGER_BASE = '/tvcsdownload/activeupdate';
const JAPAN = '/japan';
// A control character, a backslash, or a segment that is `.` or `..`.
const LEADS_OUT = /[\u0000-\u001f\u007f\\]|\/\.\.?(?:\/|$)/;

/**
 * Reads a request target. Escapes are decoded exactly once, so what is compared afterwards is what the client meant and
 * nothing can hide behind a second layer. Repeated slashes are one: products put `/server.ini` behind a base that may end in one.
 */
export function parseTarget(target: string, defaultChannel: Channel): ParsedTarget {
  const path = pathOf(target);
  if (path === null) return 'not-ours';
  let decoded: string;
  try {
    decoded = mergeSlashes(path.includes('%') ? decodeURIComponent(path) : path);
  } catch {
    return baseOf(mergeSlashes(path).toLowerCase()) === null ? 'not-ours' : 'refused';
  }
  const lower = decoded.toLowerCase();
  const base = baseOf(lower);
  if (base === null) return 'not-ours';
  let rest = lower.slice(base.length);
  if (LEADS_OUT.test(rest)) return 'refused';

  let channel: Channel = base === PUBLIC_BASE ? 'global' : defaultChannel;
  if (rest === JAPAN || rest.startsWith(`${JAPAN}/`)) {
    channel = 'japan';
    rest = rest.slice(JAPAN.length);
  }
  if (!rest.startsWith('/@')) return { channel, snapshot: null, path: rest.slice(1) };
  const end = rest.indexOf('/', 2);
  if (end < 0) return { channel, snapshot: rest.slice(2), path: '' };
  return { channel, snapshot: rest.slice(2, end), path: rest.slice(end + 1) };
}

function mergeSlashes(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}

function baseOf(lowerPath: string): string | null {
  for (const base of [PUBLIC_BASE, CONTROL_MANAGER_BASE])
    if (lowerPath.startsWith(base) && (lowerPath.length === base.length || lowerPath[base.length] === '/')) return base;
  return null;
}
