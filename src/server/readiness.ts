import type { Clock } from '../platform/clock/clock.js';
import { saying, type Said } from '../platform/errors/app-error.js';
import type { Language } from '../platform/texts/texts.js';

interface Standing {
  /** What is wrong; null: all is well. */
  fault: Said | null;
  since: string;
}

export interface Check {
  ok: boolean;
  code: string | null;
  /** What is wrong, for a person who may know it. */
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
    private readonly warnings: Readonly<Record<string, () => Said | null>> = {},
  ) {
    for (const part of parts) this.set(part, saying('starting.part'));
  }

  set(part: string, fault: Said | null): void {
    this.note(this.standings, part, fault);
  }

  /** Something that a person should know although the server does its work. */
  warn(part: string, fault: Said | null): void {
    this.note(this.warned, part, fault);
  }

  get ready(): boolean {
    return [...this.standings.values()].every(({ fault }) => fault === null);
  }

  /** @param language of the details, which name addresses, paths and accounts; null: without them */
  report(language: Language | null): { ready: boolean; checks: Record<string, Check> } {
    for (const [part, ask] of Object.entries(this.warnings)) this.warn(part, ask());
    const checks = [...this.standings, ...this.warned].map(([part, { fault, since }]): [string, Check] => {
      const detail = fault === null || language === null ? null : fault.text[language];
      return [part, { ok: fault === null, code: fault?.code ?? null, detail, since }];
    });
    return { ready: this.ready, checks: Object.fromEntries(checks) };
  }

  private note(standings: Map<string, Standing>, part: string, fault: Said | null): void {
    const before = standings.get(part);
    const same = before?.fault?.code === fault?.code && before?.fault?.text.en === fault?.text.en;
    if (before === undefined || !same) standings.set(part, { fault, since: this.clock.now().toISOString() });
  }
}
