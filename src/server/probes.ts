import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { pathOf } from '../platform/http/target-path.js';
import type { Readiness } from './readiness.js';

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
