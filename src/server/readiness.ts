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

  constructor(
    private readonly clock: Clock,
    parts: readonly string[],
  ) {
    for (const part of parts)
      this.standings.set(part, { ok: false, detail: 'not started yet', since: clock.now().toISOString() });
  }

  set(part: string, ok: boolean, detail: string | null = null): void {
    const before = this.standings.get(part);
    const same = before?.ok === ok && before.detail === detail;
    if (!same) this.standings.set(part, { ok, detail, since: this.clock.now().toISOString() });
  }

  get ready(): boolean {
    return [...this.standings.values()].every((standing) => standing.ok);
  }

  report(): { ready: boolean; checks: Record<string, Standing> } {
    return { ready: this.ready, checks: Object.fromEntries(this.standings) };
  }
}
