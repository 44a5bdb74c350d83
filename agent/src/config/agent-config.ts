import { NUMBERINGS, type Numbering } from '../update/version-order.js';

export interface TlsFiles {
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
}

/** A command line for `/bin/sh -c`, or the words of one that is run without a shell. */
export type HookCommand = string | readonly string[];

/** One component of the own schedule: where it stands in the update source's manifest. */
export interface ScheduledEntry {
  /** `P.<id>` or `E.<id>`. */
  readonly entry: string;
  readonly numbering: Numbering;
}

export interface AgentConfig {
  /** Base URL of the distribution server, or null: then the agent only follows its own schedule. */
  readonly server: string | null;
  readonly tenant: string;
  readonly controllerId: string;
  readonly targetToken: string | null;
  readonly gatewayToken: string | null;
  readonly tls: TlsFiles;
  readonly product: { readonly name: string; readonly version: string };
  readonly productDirectory: string;
  readonly stateDirectory: string;
  readonly hooks: {
    readonly scanService: HookCommand | null;
    readonly policyService: HookCommand | null;
    readonly licence: HookCommand | null;
    readonly timeoutSeconds: number;
  };
  readonly polling: {
    /** Used until the server says otherwise. */
    readonly intervalSeconds: number;
    readonly longPoll: boolean;
    readonly waitSeconds: number;
    /** How often a running deployment asks whether it was cancelled. */
    readonly cancelCheckSeconds: number;
    /** First pause after a failure; doubled up to the interval. */
    readonly retryBaseSeconds: number;
  };
  readonly schedule: {
    readonly enabled: boolean;
    readonly intervalSeconds: number;
    /** The own schedule stays off for this long after the server pushed something. */
    readonly pushHoldSeconds: number;
  };
  readonly updateSource: { readonly url: string | null; readonly entries: Readonly<Record<string, ScheduledEntry>> };
  readonly confirmation: { readonly auto: boolean };
  /** Local times `HH:MM` between which updates that may wait (`attempt`) are installed; null: any time. */
  readonly installWindow: { readonly start: string; readonly end: string } | null;
  readonly transfer: { readonly tries: number; readonly idleTimeoutSeconds: number };
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
}

/** Configuration as read, before it is checked. */
export type RawConfig = Readonly<Record<string, unknown>>;

/** Reads fields with their defaults and collects every fault, so that they are reported together. */
export class ConfigReader {
  readonly faults: string[] = [];
  readonly #raw: RawConfig;
  readonly #prefix: string;

  constructor(raw: RawConfig, prefix = '', faults: string[] = []) {
    this.#raw = raw;
    this.#prefix = prefix;
    this.faults = faults;
  }

  section(key: string): ConfigReader {
    const value = this.#raw[key] ?? {};
    if (isRecord(value)) return new ConfigReader(value, `${this.#prefix}${key}.`, this.faults);
    this.#fault(key, 'must be an object');
    return new ConfigReader({}, `${this.#prefix}${key}.`, this.faults);
  }

  text(key: string): string | null {
    const value = this.#raw[key] ?? null;
    if (value === null || (typeof value === 'string' && value !== '')) return value;
    this.#fault(key, 'must be a text that is not empty');
    return null;
  }

  seconds(key: string, fallback: number, least: number, most: number): number {
    const value = this.#raw[key] ?? fallback;
    if (typeof value === 'number' && value >= least && value <= most) return value;
    this.#fault(key, `must be a number from ${least} to ${most}`);
    return fallback;
  }

  flag(key: string, fallback: boolean): boolean {
    const value = this.#raw[key] ?? fallback;
    if (typeof value === 'boolean') return value;
    this.#fault(key, 'must be true or false');
    return fallback;
  }

  url(key: string): string | null {
    const value = this.text(key);
    if (value === null) return null;
    if (/^https?:$/.test(URL.parse(value)?.protocol ?? '')) return value.replace(/\/+$/, '');
    this.#fault(key, 'must be an http or https URL');
    return null;
  }

  hook(key: string): HookCommand | null {
    const value = this.#raw[key] ?? null;
    if (value === null || (typeof value === 'string' && value !== '')) return value;
    if (Array.isArray(value) && value.length > 0 && value.every((word) => typeof word === 'string')) return value;
    this.#fault(key, 'must be a command line or a list of words');
    return null;
  }

  oneOf<T extends string>(key: string, choices: readonly T[], fallback: T): T {
    const value = this.#raw[key] ?? fallback;
    const found = choices.find((choice) => choice === value);
    if (found === undefined) this.#fault(key, `must be one of ${choices.join(', ')}`);
    return found ?? fallback;
  }

  entries(key: string): Record<string, ScheduledEntry> {
    const result: Record<string, ScheduledEntry> = {};
    const section = this.section(key);
    for (const component of Object.keys(section.#raw)) {
      const one = section.section(component);
      const entry = one.text('entry');
      if (!/^[PE]\.[0-9A-Fa-f]+$/.test(entry ?? '')) one.#fault('entry', 'must be P.<id> or E.<id>');
      result[component] = { entry: entry ?? '', numbering: one.oneOf('numbering', NUMBERINGS, 'integer') };
    }
    return result;
  }

  window(key: string): { start: string; end: string } | null {
    if ((this.#raw[key] ?? null) === null) return null;
    const section = this.section(key);
    const [start, end] = [section.text('start'), section.text('end')];
    const clock = /^([01]\d|2[0-3]):[0-5]\d$/;
    if (start !== null && end !== null && clock.test(start) && clock.test(end) && start !== end) return { start, end };
    this.#fault(key, 'must have different start and end times, HH:MM');
    return null;
  }

  #fault(key: string, text: string): void {
    this.faults.push(`${this.#prefix}${key} ${text}`);
  }
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
