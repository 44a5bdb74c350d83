import type { FastifyRequest } from 'fastify';

/** Where the links of an answer lead. */
export interface LinkBase {
  /** `scheme://host:port` that this client used, or the configured public URL. */
  own: string;
  /** The same host by plain HTTP; null when there is no such listener. */
  plain: string | null;
}

export interface LinkSettings {
  publicUrl: string | undefined;
  /** Of our own HTTP listener; null when it is off. */
  httpUrl: string | null;
}

/** Scheme, host and port as the client used them; forwarded ones count only behind a trusted proxy, which Fastify sees to. */
export function linkBase(request: Pick<FastifyRequest, 'protocol' | 'host'>, settings: LinkSettings): LinkBase {
  const text = settings.publicUrl ?? `${request.protocol}://${request.host}`;
  const url = URL.parse(text) ?? URL.parse(settings.httpUrl ?? 'http://localhost');
  const own = url === null ? text : url.origin + url.pathname.replace(/\/+$/, '');
  if (url === null || url.protocol === 'http:') return { own, plain: own };
  const port = settings.httpUrl === null ? null : new URL(settings.httpUrl).port;
  return { own, plain: port === null ? null : `http://${url.hostname}${port === '' ? '' : `:${port}`}` };
}

export function controllerPath(controllerId: string): string {
  return `/DEFAULT/controller/v1/${encodeURIComponent(controllerId)}`;
}
