import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/platform/clock/clock.js';
import { ManagedSite, type TestRelease } from './managed-site.js';
import { NarrowProxy, type Narrowness } from './narrow-proxy.js';
import { RaucProduct } from './rauc-product.js';

/** A server with one bundle, an authority of client certificates, and products with rauc-hawkbit-updater. */
export class RaucSite {
  private number = 0;
  private readonly leftOvers: { dispose(): Promise<void> }[] = [];

  private constructor(
    readonly directory: string,
    readonly site: ManagedSite,
    readonly release: TestRelease,
  ) {}

  static async start(bundle: Buffer<ArrayBuffer>): Promise<RaucSite> {
    const directory = mkdtempSync(join(tmpdir(), 'haishin-rauc-ca-'));
    certificate(directory, 'ca', '/CN=products', null);
    const site = await ManagedSite.start({ clock: systemClock, config: { clientCaFile: join(directory, 'ca.pem') } });
    await site.component('firmware');
    await site.component('other');
    return new RaucSite(directory, site, await site.release('firmware', '1.0', bundle, 'bundle.raucb'));
  }

  async disposeProducts(): Promise<void> {
    for (const each of this.leftOvers.splice(0).reverse()) await each.dispose();
  }

  async dispose(): Promise<void> {
    await this.site.dispose();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** `<id>.pem` and `<id>.key` of a product, signed by the authority that the server trusts. */
  certificate(id: string): void {
    certificate(this.directory, id, `/CN=${id}`, 'ca');
  }

  async register(): Promise<{ id: string; token: string }> {
    const id = `board-${(this.number += 1)}`;
    const { body } = await this.site.api.post('/api/v1/agents', { controllerId: id });
    return { id, token: body.securityToken as string };
  }

  server(scheme: 'http' | 'https'): Record<string, string> {
    return { hawkbit_server: new URL(this.site.haishin[scheme]).host, ssl: String(scheme === 'https') };
  }

  product(client: Record<string, string>): RaucProduct {
    const made = new RaucProduct({ ...this.server('http'), ...client });
    this.leftOvers.push(made);
    return made;
  }

  /** A registered product and its RAUC. */
  async board(
    client: Record<string, string> = {},
    ...rauc: Parameters<RaucProduct['start']>
  ): Promise<{ id: string; product: RaucProduct }> {
    const { id, token } = await this.register();
    const made = await this.product({ target_name: id, auth_token: token, ...client }).start(...rauc);
    return { id, product: made };
  }

  async narrow(narrowness: Narrowness): Promise<Record<string, string>> {
    const proxy = await NarrowProxy.start(Number(new URL(this.site.haishin.http).port), narrowness);
    this.leftOvers.push({ dispose: () => proxy.stop() });
    return { hawkbit_server: `127.0.0.1:${proxy.port}` };
  }

  deploy(id: string, more: Parameters<ManagedSite['deploy']>[2] = {}): Promise<string> {
    return this.site.deploy([this.release], [id], { tries: 1, ...more });
  }

  async cancel(commandId: string): Promise<void> {
    expect((await this.site.api.post(`/api/v1/commands/${commandId}/cancel`)).status).toBeLessThan(300);
  }
}

/** `<name>.pem` and `<name>.key`, signed by `ca`, or by itself. */
function certificate(directory: string, name: string, subject: string, ca: string | null): void {
  const signed = ca === null ? [] : ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`];
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
      ...['-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', subject, ...signed],
    ],
    { cwd: directory, stdio: 'pipe' },
  );
}
