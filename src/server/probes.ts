import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registry } from 'prom-client';
import { problemLanguage } from '../platform/http/problem.js';
import { pathOf } from '../platform/http/target-path.js';
import type { Readiness } from './readiness.js';

function answer(res: ServerResponse, status: number, headers: Record<string, string>, body: string): void {
  res.writeHead(status, { ...headers, 'cache-control': 'no-store', 'content-length': Buffer.byteLength(body) });
  res.end(body);
}

const JSON_TYPE = { 'content-type': 'application/json' };

/**
 * `/healthz`, `/readyz` and `/metrics`: answered without the application, which may not be there.
 * @param maySeeDetails whether whoever asks may know more of what is wrong than its code
 */
export function createProbes(
  readiness: Readiness,
  metrics: Registry,
  maySeeDetails: (req: IncomingMessage) => Promise<boolean>,
): (req: IncomingMessage, res: ServerResponse) => boolean {
  const answerReady = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const language = (await maySeeDetails(req)) ? problemLanguage(req.headers['accept-language']) : null;
    const headers = language === null ? JSON_TYPE : { ...JSON_TYPE, 'content-language': language };
    answer(res, readiness.ready ? 200 : 503, headers, JSON.stringify(readiness.report(language)));
  };
  return (req, res) => {
    if (req.method !== 'GET' && req.method !== 'HEAD') return false;
    switch (pathOf(req.url ?? '') ?? '') {
      case '/healthz':
        answer(res, 200, JSON_TYPE, '{"status":"ok"}');
        return true;
      case '/readyz':
        answerReady(req, res).catch(() => res.destroy());
        return true;
      case '/metrics':
        metrics.metrics().then(
          (text) => answer(res, 200, { 'content-type': metrics.contentType }, text),
          () => res.destroy(),
        );
        return true;
      default:
        return false;
    }
  };
}
