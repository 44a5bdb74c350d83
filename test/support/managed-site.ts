import { createHash } from 'node:crypto';
import {
  CommandService,
  type DeployParameters,
  type NewCommand,
  type NewTarget,
} from '../../src/modules/commands/commands.api.js';
import { CommandEnds } from '../../src/modules/commands/command-ends.js';
import { CommandSweeper } from '../../src/modules/commands/command.sweeper.js';
import { ManualClock } from '../../src/platform/clock/clock.js';
import { DdiClient, type DdiOptions } from './ddi-client.js';
import { startHaishin, type ApiAnswer, type HaishinOptions, type TestHaishin } from './haishin.js';

export interface TestRelease {
  component: string;
  releaseId: string;
  version: string;
  content: Buffer;
  sha256: string;
}

/** A server with products and releases of a component of its own, and a clock that only moves when told to. */
export class ManagedSite {
  private named = 0;

  private constructor(
    readonly haishin: TestHaishin,
    readonly clock: ManualClock,
  ) {}

  static async start(options: HaishinOptions = {}): Promise<ManagedSite> {
    const clock = new ManualClock(new Date('2026-03-10T09:00:00Z'));
    return new ManagedSite(await startHaishin({ clock, ...options }), clock);
  }

  get api(): TestHaishin['api'] {
    return this.haishin.api;
  }

  get commands(): CommandService {
    return this.get(CommandService);
  }

  get<T>(token: new (...args: never[]) => T): T;
  get<T>(token: abstract new (...args: never[]) => T): T;
  get<T>(token: abstract new (...args: never[]) => T): T {
    const app = this.haishin.server.application();
    if (app === null) throw new Error('the application is not there');
    return app.get(token as never, { strict: false });
  }

  dispose(): Promise<void> {
    return this.haishin.dispose();
  }

  /** A name that no product has yet. */
  fresh(): string {
    return `p${(this.named += 1)}`;
  }

  /** A registered product that has sent its attributes already. */
  async product(controllerId: string, data: Record<string, string> = {}, options: DdiOptions = {}): Promise<DdiClient> {
    const { status, body } = await this.api.post('/api/v1/agents', { controllerId });
    if (status !== 201) throw new Error(`${controllerId} could not be registered: ${JSON.stringify(body)}`);
    const product = new DdiClient(this.haishin.http, controllerId, { token: body.securityToken as string, ...options });
    await product.configData({ product: 'Mail Gateway', ...data }, 'replace');
    return product;
  }

  async component(id: string): Promise<void> {
    const { status, body } = await this.api.post('/api/v1/components', {
      id,
      names: { ja: `部品 ${id}`, en: `Part ${id}` },
      kind: 'pattern',
    });
    if (status >= 300) throw new Error(`no component: ${JSON.stringify(body)}`);
  }

  /** A component of our own and a release of it. */
  async firstRelease(component: string, version: string): Promise<TestRelease> {
    await this.component(component);
    return this.release(component, version);
  }

  async release(
    component: string,
    version: string,
    content = Buffer.from(`${component} ${version}`),
    fileName = `${component}-${version}.bin`,
  ): Promise<TestRelease> {
    const form = new FormData();
    form.set('version', version);
    form.set('file', new Blob([new Uint8Array(content)]), fileName);
    const { status, body } = await this.api.call('POST', `/api/v1/components/${component}/releases`, form);
    if (status >= 300) throw new Error(`no release: ${JSON.stringify(body)}`);
    const sha256 = createHash('sha256').update(content).digest('hex');
    return { component, releaseId: body.id as string, version, content, sha256 };
  }

  async deploy(
    releases: TestRelease[],
    targets: (string | NewTarget)[],
    more: Partial<Omit<NewCommand, 'parameters'>> & { parameters?: Partial<DeployParameters> } = {},
  ): Promise<string> {
    const { parameters, ...rest } = more;
    const { commandId } = await this.commands.create({
      type: 'deploy',
      issuedBy: 'tester',
      parameters: {
        releases: releases.map(({ component, releaseId, version }) => ({
          componentId: component,
          releaseId,
          version,
          variant: null,
          channel: 'global',
        })),
        mode: { download: 'forced', update: 'forced' },
        window: null,
        ...parameters,
      },
      targets: targets.map((target) =>
        typeof target === 'string'
          ? { controllerId: target, state: 'queued', reason: null, versionBefore: null }
          : target,
      ),
      ...rest,
    });
    return commandId;
  }

  /** What tracking says of one target. */
  async target(commandId: string, controllerId: string): Promise<ApiAnswer['body']> {
    return (await this.api.get(`/api/v1/commands/${commandId}/targets/${encodeURIComponent(controllerId)}`)).body;
  }

  /** Everything that follows from the ends of targets. */
  async settle(): Promise<void> {
    await this.get(CommandEnds).settle();
  }

  /** Moves the clock and does what time alone brings about. */
  async pass(minutes: number): Promise<void> {
    this.clock.advance(minutes * 60_000);
    await this.get(CommandSweeper).sweep();
  }
}
