import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { NestFactory } from '@nestjs/core';
import type { Command } from 'commander';
import { AppModule, type Runtime } from '../app.module.js';
import { entities } from '../app.entities.js';
import { loadConfig } from '../config/config.js';
import { createDataSource } from '../database/data-source.js';
import { systemClock } from '../platform/clock/clock.js';
import { createLogger } from '../platform/logging/logger.js';
import { describeApi } from '../server/openapi.js';
import { say } from './language.js';
import { printDocument } from './print-document.js';

/** The API's description without a database: the application is only looked at, never started. */
async function openApiText(): Promise<string> {
  const logger = createLogger('silent');
  const runtime = {
    config: loadConfig({}, {}),
    logger,
    clock: systemClock,
    dataSource: createDataSource({ url: 'postgresql://nobody@/none', poolSize: 1, entities, logger }),
  } as unknown as Runtime;
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.of(runtime), new FastifyAdapter(), {
    logger: false,
    preview: true,
    abortOnError: false,
  });
  return `${JSON.stringify(describeApi(app), null, 2)}\n`;
}

export function registerOpenApi(program: Command): void {
  program
    .command('openapi')
    .description(say('help.openapi'))
    .option('--out <file>', say('help.out'))
    .action(async (options: { out?: string }) => {
      await printDocument(await openApiText(), options.out);
    });
}
