import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { SnapshotPublisher } from '../mirror/snapshot/snapshot-publisher.js';
import type { PublishedTree } from '../mirror/source/published-tree.js';
import type { Logger } from '../platform/logging/logger.js';

/**
 * A crash, or the loss of the database, may have left a snapshot recorded but not in force, or in force but not marked so. Another
 * node may hold the lock for a while: no reason to wait.
 */
export function finishPublication(
  app: NestFastifyApplication,
  tree: PublishedTree,
  logger: Logger,
  stopping: () => boolean,
): void {
  app
    .get(SnapshotPublisher)
    .exclusively(() => tree.refresh())
    .catch((err: unknown) => {
      // A stop, also that of a start that failed, takes the database from under it.
      if (!stopping()) logger.warn({ err }, 'an interrupted publication could not be looked for; the next one will');
    });
}
