import type { AgentConfig } from '../config/agent-config.js';
import type { AgentState } from '../state/agent-state.js';

export interface ScheduleState {
  readonly on: boolean;
  /** Why it is off. */
  readonly reason: string | null;
  readonly intervalSeconds: number;
}

/** Whether the agent looks for updates by itself now. */
export function scheduleState(config: AgentConfig, state: AgentState, now: number): ScheduleState {
  const intervalSeconds = state.schedule?.intervalSeconds ?? config.schedule.intervalSeconds;
  const off = (reason: string): ScheduleState => ({ on: false, reason, intervalSeconds });
  if ((state.updateSource ?? config.updateSource.url) === null) return off('no update source is set');
  if (Object.keys(config.updateSource.entries).length === 0) return off('no component is mapped to the update source');
  if (!(state.schedule?.enabled ?? config.schedule.enabled)) {
    return off(state.schedule ? 'switched off by the server' : 'switched off in the configuration');
  }
  if (state.deployment !== null) return off(`deployment ${state.deployment.id} is open`);
  if (withinHold(state.lastPushAt, now, config.schedule.pushHoldSeconds)) return off('the server pushes');
  return { on: true, reason: null, intervalSeconds };
}

/**
 * Milliseconds until the next own check. A last check that seems to lie in the future means that the clock went back: then
 * the check is due, rather than a day or a year away.
 */
export function nextCheckInMs(lastCheckAt: string | null, now: number, intervalSeconds: number): number {
  const elapsed = now - Date.parse(lastCheckAt ?? '');
  const intervalMs = intervalSeconds * 1000;
  return Number.isFinite(elapsed) && elapsed >= 0 && elapsed < intervalMs ? intervalMs - elapsed : 0;
}

/** A push that seems to lie in the future (the clock went back) still counts, but for no longer than the hold. */
function withinHold(at: string | null, now: number, holdSeconds: number): boolean {
  const elapsed = Math.abs(now - Date.parse(at ?? ''));
  return Number.isFinite(elapsed) && elapsed < holdSeconds * 1000;
}
