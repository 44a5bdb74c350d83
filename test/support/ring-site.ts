import type { Fleet } from '../../src/fleet/fleet.js';
import { startHaishin, type TestHaishin } from './haishin.js';
import { fleetOf, gatewayToken, newComponent, newRelease } from './products.js';

/** A server with a pattern and an engine of its own, deployment plans, and simulated products. */
export class RingSite {
  private fleets: Fleet[] = [];
  /** Of the pattern's newest release. */
  version = 1;

  private constructor(
    readonly haishin: TestHaishin,
    private readonly token: string,
  ) {}

  static async start(): Promise<RingSite> {
    const haishin = await startHaishin();
    await newComponent(haishin.api, 'site-rules');
    await newComponent(haishin.api, 'site-engine', 'engine');
    return new RingSite(haishin, await gatewayToken(haishin.api));
  }

  dispose(): Promise<void> {
    return this.haishin.dispose();
  }

  get api(): TestHaishin['api'] {
    return this.haishin.api;
  }

  /** Something that no product has yet. */
  async newRelease(): Promise<void> {
    this.version += 1;
    await newRelease(this.api, 'site-rules', String(this.version));
  }

  async products(options: Partial<Parameters<typeof fleetOf>[1]> & { agents: number; prefix: string }): Promise<Fleet> {
    const fleet = await fleetOf(this.api, { token: this.token, ...options });
    this.fleets.push(fleet);
    return fleet;
  }

  async stopProducts(): Promise<void> {
    await Promise.all(this.fleets.splice(0).map((fleet) => fleet.stop()));
  }

  async plan(name: string, rings: object[], rest: object = {}): Promise<void> {
    const { status, body } = await this.api.post('/api/v1/deployment-plans', { name, rings, ...rest });
    if (status !== 201) throw new Error(JSON.stringify(body));
  }
}

/** Names of the first simulated products with a prefix. */
export const members = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${prefix}${String(index + 1).padStart(5, '0')}`);

export const order = (agents: string[], plan: string): object => ({
  components: ['site-rules'],
  targets: { agents },
  plan,
  tries: 1,
});

/** A ring that opens at once and lets nothing past it but complete success. */
export const ring = (name: string, select: object, rest: object = {}): object => ({
  name,
  select,
  start: { kind: 'at-once' },
  gate: { successShare: 1, endedShare: 1 },
  ...rest,
});
