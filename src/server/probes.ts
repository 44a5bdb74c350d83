import type { IncomingMessage, ServerResponse } from 'node:http';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
import type { ServingCounters } from '../mirror/source/serving-counters.js';
import { pathOf } from '../platform/http/target-path.js';
import type { Readiness } from './readiness.js';

/** Metrics of this process; one registry for each server, so that tests may run several. */
export function createMetrics(
  counters: ServingCounters,
  readiness: Readiness,
  certificate: { notAfter: Date | null },
): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Counter({
    name: 'haishin_source_answers_total',
    help: 'Answers of the update source, by channel and status.',
    labelNames: ['channel', 'status'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { channel, status, answers } of counters.totals())
        this.inc({ channel, status: String(status) }, answers);
    },
  });
  new Counter({
    name: 'haishin_source_bytes_total',
    help: 'Bytes of bodies that the update source sent, by channel.',
    labelNames: ['channel'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { channel, bytes } of counters.totals()) this.inc({ channel }, bytes);
    },
  });
  new Gauge({
    name: 'haishin_ready',
    help: '1 when the server can do all of its work.',
    registers: [registry],
    collect() {
      this.set(readiness.ready ? 1 : 0);
    },
  });
  new Gauge({
    name: 'haishin_certificate_not_after_seconds',
    help: 'Unix time at which the certificate in use expires; absent without HTTPS.',
    registers: [registry],
    collect() {
      this.reset();
      if (certificate.notAfter !== null) this.set(certificate.notAfter.getTime() / 1000);
    },
  });
  return registry;
}

function answer(res: ServerResponse, status: number, type: string, body: string): void {
  res.writeHead(status, {
    'content-type': type,
    'cache-control': 'no-store',
    'content-length': Buffer.byteLength(body),
  });
  res.end(body);
}

/** `/healthz`, `/readyz` and `/metrics`: answered without the application, which may not be there. */
export function createProbes(
  readiness: Readiness,
  metrics: Registry,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  return (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false;
    switch (pathOf(req.url ?? '') ?? '') {
      case '/healthz':
        answer(res, 200, 'application/json', '{"status":"ok"}');
        return true;
      case '/readyz':
        answer(res, readiness.ready ? 200 : 503, 'application/json', JSON.stringify(readiness.report()));
        return true;
      case '/metrics':
        metrics.metrics().then(
          (text) => answer(res, 200, metrics.contentType, text),
          () => res.destroy(),
        );
        return true;
      default:
        return false;
    }
  };
}
