// The whole server from dist/, with an empty route beside its own: what a request costs that does nothing.
// Argument: JSON { dataDir, databaseUrl }. Prints { url } when it listens.
import { NestFactory } from '@nestjs/core';
import { loadConfig } from '../../dist/config/config.js';
import { startServer } from '../../dist/main.js';
import { createLogger } from '../../dist/platform/logging/logger.js';

const { dataDir, databaseUrl } = JSON.parse(process.argv[2]);
const create = NestFactory.create.bind(NestFactory);
NestFactory.create = async (...args) => {
  const app = await create(...args);
  app
    .getHttpAdapter()
    .getInstance()
    .get('/bench/empty', (_request, reply) => reply.send('{}'));
  return app;
};
const config = loadConfig(
  { dataDir, databaseUrl, host: '127.0.0.1', httpPort: 0, httpsPort: 'off', logLevel: 'error' },
  {},
);
const server = await startServer({ config, logger: createLogger('error') });
process.on('SIGTERM', () => void server.stop().then(() => process.exit(0)));
console.log(JSON.stringify({ url: server.httpUrl }));
