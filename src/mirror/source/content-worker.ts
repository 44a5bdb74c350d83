import { toAppError } from '../../platform/errors/app-error.js';
import { createForwarder } from '../../platform/http/forwarding.js';
import { startListeners, type Listeners } from '../../platform/http/listeners.js';
import { trustedProxies } from '../../platform/http/trusted-proxies.js';
import { createLogger, type Logger } from '../../platform/logging/logger.js';
import { readAuthorities } from '../../platform/tls/authorities.js';
import { watchCertificate, type CertificateWatch } from '../../platform/tls/certificate-watch.js';
import { ensureServerCertificate } from '../../platform/tls/server-certificate.js';
import { MissingRequests } from './missing-requests.js';
import { PublishedTree } from './published-tree.js';
import { ServingCounters } from './serving-counters.js';
import { createUpdateSource } from './update-source.handler.js';
import type { FromWorker, ToWorker, WorkerSettings } from './worker-messages.js';

const REPORT_MS = 2000;

/**
 * The life of a content worker: waits for its settings, serves the update source from the shared listeners, hands everything
 * else to the primary process, and ends when told to or when the primary process is gone.
 */
export function runContentWorker(): void {
  // A signal to the whole process group must not cut transfers; the primary process says when to stop.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => undefined);
  let worker: ContentWorker | undefined;
  process.on('disconnect', () => process.exit(1));
  process.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'start':
        worker = new ContentWorker(message.settings);
        worker.tree.defaultChannel = message.defaultChannel;
        void worker.start();
        break;
      case 'default-channel':
        if (worker) worker.tree.defaultChannel = message.channel;
        break;
      case 'refresh':
        void (worker?.tree.refresh() ?? Promise.resolve()).then(() => tell({ type: 'refreshed', id: message.id }));
        break;
      case 'stop':
        void (worker?.stop(message.graceMs) ?? Promise.resolve()).then(() => process.exit(0));
        break;
    }
  });
  void tell({ type: 'ready' });
}

/** Resolves when the message has left; never rejects, since without the primary process this one ends anyway. */
function tell(message: FromWorker): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send) process.send(message, undefined, undefined, () => resolve());
    else resolve();
  });
}

class ContentWorker {
  readonly tree: PublishedTree;
  private readonly logger: Logger;
  private readonly missing = new MissingRequests();
  private readonly counters = new ServingCounters();
  private listeners: Listeners | undefined;
  private certificateWatch: CertificateWatch | undefined;

  constructor(private readonly settings: WorkerSettings) {
    this.logger = createLogger(settings.logLevel).child({ worker: process.pid });
    this.tree = new PublishedTree(settings.dataDir, this.logger);
  }

  async start(): Promise<void> {
    try {
      await this.tree.start();
      await this.listen();
      setInterval(() => void this.report(), REPORT_MS);
    } catch (error) {
      const { kind, code, text, details } = toAppError(error);
      await tell({ type: 'failed', kind, said: { code, text }, details });
    }
  }

  async stop(graceMs: number): Promise<void> {
    await this.listeners?.close(graceMs);
    this.certificateWatch?.stop();
    this.tree.stop();
    await this.report();
  }

  private async listen(): Promise<void> {
    const { host, httpPort, httpsPort, tls, apiSocket, dataDir } = this.settings;
    const source = createUpdateSource({
      tree: this.tree,
      logger: this.logger,
      onMissing: this.missing.record,
      metrics: this.counters,
    });
    const forwarder = createForwarder(apiSocket, trustedProxies(this.settings.trustedProxies ?? []));
    const place = tls && { ...tls, dir: dataDir };
    const certificate = place && (await ensureServerCertificate(place));
    const listeners = await startListeners({
      host,
      httpPort,
      httpsPort,
      tls: certificate,
      clientCa: this.settings.clientCaFile === undefined ? undefined : readAuthorities(this.settings.clientCaFile),
      handler: (req, res) => {
        if (!source(req, res)) forwarder.handler(req, res);
      },
      onError: (error) => this.logger.error({ err: error }, 'a listener reported a fault'),
    });
    this.listeners = listeners;
    if (place && certificate)
      this.certificateWatch = watchCertificate({
        ...place,
        current: certificate,
        onChange: (next) => listeners.setKeyPair(next),
        logger: this.logger,
      });
    await tell({ type: 'listening', httpUrl: listeners.httpUrl, httpsUrl: listeners.httpsUrl });
  }

  private async report(): Promise<void> {
    const report = { missing: this.missing.drain(), answers: this.counters.drain() };
    if (report.missing.length > 0 || report.answers.length > 0) await tell({ type: 'report', report });
  }
}
