import type { Clock } from '../platform/clock/clock.js';

export interface Standing {
  ok: boolean;
  /** What is wrong, for a person. */
  detail: string | null;
  since: string;
}

/** What the server needs in order to work, and how it stands with each. */
export class Readiness {
  private readonly standings = new Map<string, Standing>();
  /** They make nothing unready: products that are sent elsewhere would gain nothing. */
  private readonly warned = new Map<string, Standing>();

  constructor(
    private readonly clock: Clock,
    parts: readonly string[],
    /** By part, warnings that are asked for with every report. */
    private readonly warnings: Readonly<Record<string, () => string | null>> = {},
  ) {
    for (const part of parts)
      this.standings.set(part, { ok: false, detail: 'not started yet', since: clock.now().toISOString() });
  }

  set(part: string, ok: boolean, detail: string | null = null): void {
    this.note(this.standings, part, ok, detail);
  }

  /** Something that a person should know although the server does its work; null: all is well. */
  warn(part: string, detail: string | null): void {
    this.note(this.warned, part, detail === null, detail);
  }

  get ready(): boolean {
    return [...this.standings.values()].every((standing) => standing.ok);
  }

  report(): { ready: boolean; checks: Record<string, Standing> } {
    for (const [part, ask] of Object.entries(this.warnings)) this.warn(part, ask());
    return { ready: this.ready, checks: Object.fromEntries([...this.standings, ...this.warned]) };
  }

  private note(standings: Map<string, Standing>, part: string, ok: boolean, detail: string | null): void {
    const before = standings.get(part);
    const same = before?.ok === ok && before.detail === detail;
    if (!same) standings.set(part, { ok, detail, since: this.clock.now().toISOString() });
  }
}
