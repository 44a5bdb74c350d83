import { hostname } from 'node:os';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../config/config.js';
import { DataSource } from 'typeorm';
import { CatalogueRepository } from '../mirror/catalogue/catalogue.repository.js';
import { MirrorSettings } from '../mirror/settings/mirror-settings.store.js';
import { PublishedDirectory } from '../mirror/snapshot/published-directory.js';
import { CHANNELS } from '../mirror/snapshot/channel.js';
import { Snapshot } from '../mirror/snapshot/snapshot.entity.js';
import type { PublishedTree } from '../mirror/source/published-tree.js';
import { ApiTokenService, LocalTokenService } from '../modules/accounts/accounts.api.js';
import type { Logger } from '../platform/logging/logger.js';

/** Writes what must be in the database before anybody asks. @returns the token for commands on this host. */
export async function prepareDatabase(
  app: NestFastifyApplication,
  config: Config,
  tree: PublishedTree,
  logger: Logger,
): Promise<string> {
  await app.get(CatalogueRepository).seed();
  const settings = app.get(MirrorSettings);
  await settings.seed(config.upstreamUrl, config.proxyUrl);
  // Its file is the database's word for processes without one; only a restored database can say otherwise.
  const { defaultChannel } = await settings.distribution();
  await tree.refresh();
  if (tree.defaultChannel !== defaultChannel) await app.get(PublishedDirectory).setDefaultChannel(defaultChannel);
  await tellUnknown(app.get(DataSource), tree, logger);
  if (config.bootstrapToken !== undefined) await app.get(ApiTokenService).ensureBootstrapToken(config.bootstrapToken);
  return app.get(LocalTokenService).issue(`${hostname()}:${config.dataDir}`);
}

/** A database from a backup may be older than the content, or be that of another server. */
async function tellUnknown(dataSource: DataSource, tree: PublishedTree, logger: Logger): Promise<void> {
  for (const channel of CHANNELS) {
    const snapshot = tree.currentSnapshot(channel)?.id;
    if (snapshot === undefined || (await dataSource.getRepository(Snapshot).existsBy({ id: snapshot }))) continue;
    logger.warn(
      { channel, snapshot },
      'The database does not know the snapshot in force: it is older than the content, as after a restore, or another ' +
        "server's. It is served until the next publication, which starts from what the database knows: what was uploaded " +
        'or rolled back since has to be so again. If it is the wrong database, stop the server and set DATABASE_URL.',
    );
  }
}
