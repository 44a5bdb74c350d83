import { randomBytes } from 'node:crypto';
import { readdirSync, readlinkSync } from 'node:fs';
import { startListeners, type Listeners } from '../../src/platform/http/listeners.js';
import { MissingRequests } from '../../src/mirror/source/missing-requests.js';
import { PublishedTree } from '../../src/mirror/source/published-tree.js';
import { ServingCounters } from '../../src/mirror/source/serving-counters.js';
import { createUpdateSource } from '../../src/mirror/source/update-source.handler.js';
import { PublishedFixture, RecordingLogger } from './published-tree.js';

export const BIG = randomBytes(3_000_000);
export const MODIFIED = 'Wed, 04 Mar 2026 05:06:07 GMT';
export const MANIFEST = '[Common]\r\nVersion=1.0\r\n';

/** Two channels with files of all sizes, behind the update source on a port of its own; gone after `close`. */
export class ServedTree {
  readonly logger = new RecordingLogger();
  readonly missing = new MissingRequests();
  readonly counters = new ServingCounters();
  readonly tree: PublishedTree;
  private listeners!: Listeners;

  private constructor(readonly fixture: PublishedFixture) {
    this.tree = new PublishedTree(fixture.dataDir, this.logger);
  }

  static async open(): Promise<ServedTree> {
    const fixture = await PublishedFixture.create();
    await fixture.publish('global', 's1', [
      { path: 'server.ini', content: 'earlier' },
      { path: 'pattern/vsapi239.zip', content: 'earlier pattern' },
      { path: 'pattern/v_237.sig', content: 'earlier signature' },
    ]);
    await fixture.publish('global', 's2', [
      { path: 'server.ini', content: MANIFEST },
      { path: 'Pattern/vsapi241.zip', content: BIG },
      { path: 'pattern/v_237.sig', content: 'signature' },
      { path: 'pattern/empty.zip', content: '' },
      { path: 'japan/server.ini', content: 'a folder of the global tree' },
    ]);
    await fixture.publish('japan', 's2', [{ path: 'server.ini', content: 'japan' }]);
    const served = new ServedTree(fixture);
    await served.tree.refresh();
    await served.listen();
    return served;
  }

  get url(): string {
    return this.listeners.httpUrl ?? '';
  }

  readonly get = (path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Response> =>
    fetch(this.url + path, { method, headers });

  readonly etagOf = async (path: string): Promise<string> =>
    (await this.get(path, {}, 'HEAD')).headers.get('etag') ?? '';

  /** What the index of the global channel says of a path. */
  readonly entryOf = (path: string) => this.tree.holding('global', path)?.entries.get(path);

  /** How many of its files this process has open. */
  openBlobs(): number {
    return readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`).startsWith(this.fixture.dataDir);
      } catch {
        return false;
      }
    }).length;
  }

  async close(): Promise<void> {
    await this.listeners.close(0);
    await this.fixture.remove();
  }

  private async listen(): Promise<void> {
    const { tree, logger, missing, counters } = this;
    const source = createUpdateSource({ tree, logger, onMissing: missing.record, metrics: counters });
    this.listeners = await startListeners({
      host: '127.0.0.1',
      httpPort: 0,
      httpsPort: 'off',
      handler: (req, res) => {
        if (!source(req, res)) res.writeHead(418).end('not the update source');
      },
    });
  }
}
