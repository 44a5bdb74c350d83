import { AgentChanges } from './agent-changes.js';

interface Remembered<T> {
  value: T;
  at: number;
}

/** Even with every notification arriving, nothing is believed longer than this. */
const TRUST_MS = 60_000;
/** While other nodes' changes do not arrive. */
const TRUST_ALONE_MS = 500;

/** So many values of the database in memory; what came first goes first. */
export class Memory<T> {
  private readonly values = new Map<string, Remembered<T>>();

  constructor(
    private readonly most: number,
    private readonly changes: Pick<AgentChanges, 'connected'>,
  ) {}

  /** Undefined when it is not known, or not for sure any more. */
  get(key: string): T | undefined {
    const known = this.values.get(key);
    if (known === undefined) return undefined;
    return performance.now() - known.at < (this.changes.connected ? TRUST_MS : TRUST_ALONE_MS)
      ? known.value
      : undefined;
  }

  set(key: string, value: T): void {
    this.values.delete(key);
    this.values.set(key, { value, at: performance.now() });
    if (this.values.size <= this.most) return;
    const [oldest] = this.values.keys();
    if (oldest !== undefined) this.values.delete(oldest);
  }

  delete(key: string): void {
    this.values.delete(key);
  }

  clear(): void {
    this.values.clear();
  }
}
