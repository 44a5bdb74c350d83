import type { AgentConfig } from '../config/agent-config.js';
import type { GenerationStore } from '../install/generation-store.js';
import type { AgentState, ComponentState } from '../state/agent-state.js';
import { displayVersion, isNewer } from '../update/version-order.js';

/** One component as a person sees it. */
export interface StatusRow {
  readonly component: string;
  /** Version in force, or `-`. */
  readonly current: string;
  /** A version, `unknown`, or `0.0` when the source does not carry it; `-` when nobody has looked. */
  readonly available: string;
  readonly previous: string;
  /** ISO 8601 UTC, or `-`. */
  readonly lastUpdate: string;
  readonly state: string;
}

export async function statusRows(
  config: AgentConfig,
  state: AgentState,
  generations: GenerationStore,
): Promise<StatusRow[]> {
  const mapped = config.updateSource.entries;
  const names = new Set([
    ...Object.keys(mapped),
    ...Object.keys(state.components),
    ...(await generations.components()),
  ]);
  const rows: StatusRow[] = [];
  for (const component of [...names].sort()) {
    const installed = (await generations.installed(component))?.version ?? null;
    const previous = await generations.previous(component);
    const before = previous === null ? null : await generations.record(component, previous);
    const known = state.components[component] ?? {};
    const numbering = mapped[component]?.numbering;
    const newer =
      known.available?.version &&
      (installed === null || isNewer(known.available.version, installed, numbering ?? 'integer'));
    rows.push({
      component,
      current: installed === null ? '-' : displayVersion(installed, numbering),
      available: availableText(known, numbering),
      previous: before === null ? '-' : displayVersion(before.version, numbering),
      lastUpdate: known.lastUpdate?.at ?? '-',
      state: stateText(known, Boolean(newer)),
    });
  }
  return rows;
}

/** The rows as a table of plain text. */
export function statusTable(rows: readonly StatusRow[]): string {
  const head = ['COMPONENT', 'CURRENT', 'AVAILABLE', 'LAST UPDATE', 'STATE'];
  const lines = rows.map((row) => [row.component, row.current, row.available, row.lastUpdate, row.state]);
  const table = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...table.map((line) => (line[column] ?? '').length)));
  return table
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function availableText(known: ComponentState, numbering: Parameters<typeof displayVersion>[1]): string {
  switch (known.available?.state) {
    case 'version':
      return displayVersion(known.available.version ?? '-', numbering);
    case 'not-carried':
      return '0.0';
    case 'unknown':
      return 'unknown';
    case undefined:
      return '-';
  }
}

function stateText(known: ComponentState, newer: boolean): string {
  const parts: string[] = [];
  if (known.available?.state === 'unknown') parts.push(known.available.reason ?? 'unknown');
  else if (newer) parts.push('update needed');
  if (known.heldBack) parts.push('rolled back, not on schedule');
  if (known.lastUpdate?.outcome === 'failed') parts.push(`last update failed: ${known.lastUpdate.message}`);
  return parts.join('; ') || 'ok';
}
