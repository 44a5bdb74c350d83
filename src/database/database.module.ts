import { type DynamicModule, Module } from '@nestjs/common';
import { DataSource } from 'typeorm';

/**
 * Hands the one data source to whatever injects `DataSource`. It is connected before the application is built and closed
 * after it, by whoever made it: its life is longer than the application's, and its loss must not end the application.
 */
@Module({})
export class DatabaseModule {
  static forDataSource(dataSource: DataSource): DynamicModule {
    return {
      module: DatabaseModule,
      global: true,
      providers: [{ provide: DataSource, useValue: dataSource }],
      exports: [DataSource],
    };
  }
}
