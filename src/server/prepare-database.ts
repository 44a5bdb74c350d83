import { hostname } from 'node:os';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Config } from '../config/config.js';
import { CatalogueRepository } from '../mirror/catalogue/catalogue.repository.js';
import { MirrorSettings } from '../mirror/settings/mirror-settings.store.js';
import { PublishedDirectory } from '../mirror/snapshot/published-directory.js';
import type { PublishedTree } from '../mirror/source/published-tree.js';
import { ApiTokenService } from '../modules/accounts/accounts.api.js';

/** Name of the token that commands on this host use. */
const LOCAL_TOKEN = 'local command line';

/** Writes what must be in the database before anybody asks. @returns the token for commands on this host. */
export async function prepareDatabase(
  app: NestFastifyApplication,
  config: Config,
  tree: PublishedTree,
): Promise<string> {
  await app.get(CatalogueRepository).seed();
  const settings = app.get(MirrorSettings);
  await settings.seed(config.upstreamUrl, config.proxyUrl);
  // Its file is the database's word for processes without one; only a restored database can say otherwise.
  const { defaultChannel } = await settings.distribution();
  await tree.refresh();
  if (tree.defaultChannel !== defaultChannel) await app.get(PublishedDirectory).setDefaultChannel(defaultChannel);
  const tokens = app.get(ApiTokenService);
  if (config.bootstrapToken !== undefined) await tokens.ensureBootstrapToken(config.bootstrapToken);
  return tokens.replaceLocalToken(`${LOCAL_TOKEN} ${hostname()}:${config.dataDir}`);
}
