import 'reflect-metadata';

import { Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { DataSource } from 'typeorm';

import { createDataSource } from './data-source.js';
import { DatabaseModule } from './database.module.js';

@Injectable()
class ThingRepository {
  constructor(readonly dataSource: DataSource) {}
}

@Module({ providers: [ThingRepository], exports: [ThingRepository] })
class ThingModule {}

describe('DatabaseModule', () => {
  it('hands the data source to repositories of any module, connected or not', async () => {
    const ignore = (): void => undefined;
    const logger = { debug: ignore, info: ignore, warn: ignore, error: ignore };
    const dataSource = createDataSource({
      url: 'postgresql://user@localhost:1/none',
      poolSize: 1,
      entities: [],
      logger,
    });
    const root = DatabaseModule.forDataSource(dataSource);
    const application = await NestFactory.createApplicationContext(
      { ...root, imports: [ThingModule] },
      { logger: false },
    );
    expect(application.get(ThingRepository, { strict: false }).dataSource).toBe(dataSource);
    await application.close();
  });
});
