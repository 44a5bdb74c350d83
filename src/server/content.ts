import { join } from 'node:path';
import { rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Config } from '../config/config.js';
import { forkContentWorkers, type ContentWorkers } from '../mirror/source/content-worker-pool.js';
import { MissingRequests } from '../mirror/source/missing-requests.js';
import { PublishedTree } from '../mirror/source/published-tree.js';
import { ServingCounters } from '../mirror/source/serving-counters.js';
import { createUpdateSource } from '../mirror/source/update-source.handler.js';
import type { AppError } from '../platform/errors/app-error.js';
import { startListeners, type RequestHandler } from '../platform/http/listeners.js';
import { startSocketListener } from '../platform/http/socket-listener.js';
import type { Logger } from '../platform/logging/logger.js';
import { readAuthorities } from '../platform/tls/authorities.js';
import { keyPairFiles, ensureServerCertificate, type ServerCertificate } from '../platform/tls/server-certificate.js';
import { type CertificateWatch, watchCertificate } from '../platform/tls/certificate-watch.js';
import type { Channel } from '../mirror/snapshot/channel.js';
import { prepareApiSocket } from './api-socket.js';

/** The content side of a server: the published tree and the listeners. It needs no database and starts first. */
export interface ContentServer {
  httpUrl: string | null;
  httpsUrl: string | null;
  refresh(): Promise<void>;
  setDefaultChannel(channel: Channel): void;
  close(graceMs: number): Promise<void>;
}

export interface ContentOptions {
  config: Config;
  logger: Logger;
  tree: PublishedTree;
  missing: MissingRequests;
  counters: ServingCounters;
  /** Everything that is not the update source. */
  rest: RequestHandler;
  /** Told of the certificate that HTTPS begins with, and of each that replaces it. */
  onCertificate: (certificate: ServerCertificate) => void;
  onCertificateRefused: (fault: AppError | null) => void;
}

export async function startContent(options: ContentOptions): Promise<ContentServer> {
  const { config, tree } = options;
  await tree.start();
  const place = {
    certFile: config.tlsCertFile,
    keyFile: config.tlsKeyFile,
    dir: join(config.dataDir, 'tls'),
    hostNames: hostNamesOf(config),
  };
  const certificate = config.httpsPort === 'off' ? null : await ensureServerCertificate(place);
  if (certificate !== null) options.onCertificate(certificate);
  const clientCa =
    certificate === null || config.clientCaFile === undefined ? undefined : readAuthorities(config.clientCaFile);
  return config.workers > 0
    ? startWorkers(options, place, certificate)
    : startAlone(options, place, certificate, clientCa);
}

type Place = Parameters<typeof ensureServerCertificate>[0];

function hostNamesOf(config: Config): string[] {
  return config.publicUrl === undefined ? [] : [new URL(config.publicUrl).hostname];
}

/** @param serve puts a new pair in force; what it throws leaves the earlier one there */
function followFiles(
  { logger, onCertificate, onCertificateRefused }: ContentOptions,
  place: Place,
  current: ServerCertificate | null,
  serve: (pair: ServerCertificate) => void = () => undefined,
): CertificateWatch | null {
  if (current === null) return null;
  const onChange = (pair: ServerCertificate): void => {
    serve(pair);
    onCertificate(pair);
  };
  return watchCertificate({ ...place, current, onChange, onRefused: onCertificateRefused, logger });
}

async function startAlone(
  options: ContentOptions,
  place: Place,
  certificate: ServerCertificate | null,
  clientCa: string | undefined,
): Promise<ContentServer> {
  const { config, logger, tree, missing, counters, rest } = options;
  const source = createUpdateSource({ tree, logger, onMissing: missing.record, metrics: counters });
  const handler = (req: IncomingMessage, res: ServerResponse): void => {
    if (!source(req, res)) rest(req, res);
  };
  const listeners = await startListeners({
    host: config.host,
    httpPort: config.httpPort,
    httpsPort: config.httpsPort,
    handler,
    onError: (err) => logger.error({ err }, 'a listener failed'),
    ...(certificate === null ? {} : { tls: certificate, clientCa }),
  });
  const watch = followFiles(options, place, certificate, (pair) => listeners.setKeyPair(pair));
  return {
    httpUrl: listeners.httpUrl,
    httpsUrl: listeners.httpsUrl,
    refresh: () => tree.refresh(),
    setDefaultChannel: (channel) => (tree.defaultChannel = channel),
    close: async (graceMs) => {
      watch?.stop();
      await listeners.close(graceMs);
      tree.stop();
    },
  };
}

async function startWorkers(
  options: ContentOptions,
  place: Place,
  certificate: ServerCertificate | null,
): Promise<ContentServer> {
  const { config, logger, tree, missing, counters, rest } = options;
  const apiSocket = await prepareApiSocket(config.dataDir);
  const api = await startSocketListener(apiSocket, rest);
  const files = certificate === null ? null : keyPairFiles(place);
  // Workers only follow the files; renewing a self-issued pair is done here.
  const watch = followFiles(options, place, certificate);
  const closeApi = async (graceMs: number): Promise<void> => {
    await api.close(graceMs);
    await rm(apiSocket, { force: true });
  };
  const workers: ContentWorkers = await forkContentWorkers({
    count: config.workers,
    settings: {
      dataDir: config.dataDir,
      host: config.host,
      httpPort: config.httpPort,
      httpsPort: config.httpsPort,
      apiSocket,
      logLevel: config.logLevel,
      trustedProxies: config.trustedProxies,
      ...(files === null ? {} : { tls: files }),
      ...(config.clientCaFile === undefined ? {} : { clientCaFile: config.clientCaFile }),
    },
    defaultChannel: tree.defaultChannel,
    logger,
    onReport: (report) => {
      for (const count of report.missing) missing.add(count);
      for (const count of report.answers) counters.add(count);
    },
  }).catch(async (fault: unknown) => {
    // What stays open keeps the process alive, and its supervisor believes that it serves.
    watch?.stop();
    await closeApi(0);
    throw fault;
  });
  return {
    httpUrl: workers.httpUrl,
    httpsUrl: workers.httpsUrl,
    refresh: async () => {
      await Promise.all([tree.refresh(), workers.refresh()]);
    },
    setDefaultChannel: (channel) => {
      tree.defaultChannel = channel;
      workers.setDefaultChannel(channel);
    },
    close: async (graceMs) => {
      watch?.stop();
      await workers.stop(graceMs);
      await closeApi(graceMs);
      tree.stop();
    },
  };
}
