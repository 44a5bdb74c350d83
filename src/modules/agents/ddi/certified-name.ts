import type { IncomingMessage } from 'node:http';
import type { Config } from '../../../config/config.js';
import { clientCommonName, FORWARDED_CLIENT_CN } from '../../../platform/http/forwarding.js';
import { OWN_PROCESS } from '../../../platform/http/own-process.js';
import { trustedProxies } from '../../../platform/http/trusted-proxies.js';

/**
 * The CN of the client certificate behind a request, from whoever verified it: this process, a content worker of ours, or a
 * trusted proxy by the header that the administrator named. Null where nobody did: any other header is what a client wrote, and a
 * proxy that knows nothing of it passes it on.
 */
export class CertifiedNames {
  private readonly isProxy: (address: string | undefined) => boolean;

  constructor(private readonly config: Pick<Config, 'clientCaFile' | 'trustedProxies' | 'clientCertHeader'>) {
    this.isProxy = trustedProxies(config.trustedProxies);
  }

  of(request: IncomingMessage): string | null {
    const own = clientCommonName(request);
    if (own !== null) return own;
    const peer = request.socket.remoteAddress;
    const fromWorker = peer === OWN_PROCESS;
    const forwarded = request.headers[FORWARDED_CLIENT_CN];
    // A worker lets nobody else set this header; without authorities it has no name to tell.
    if (fromWorker && this.config.clientCaFile !== undefined && typeof forwarded === 'string')
      return decoded(forwarded);
    const header = this.config.clientCertHeader?.toLowerCase();
    if (header === undefined) return null;
    const named = request.headers[header];
    const proxy = fromWorker ? lastOf(request.headers['x-forwarded-for']) : peer;
    return typeof named === 'string' && this.isProxy(proxy) ? named : null;
  }
}

function lastOf(header: string | string[] | undefined): string {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return text.slice(text.lastIndexOf(',') + 1).trim();
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
