import { toAppError } from '../../platform/errors/app-error.js';
import type { Channel } from './channel.js';
import type { SnapshotIndex } from './held-file.js';
import type { PublishedDirectory } from './published-directory.js';
import { isIndexLost } from './snapshot-index.js';
import type { SnapshotPublisher } from './snapshot-publisher.js';

/** Contents of snapshots, which never change, by channel and snapshot; each hash once in memory. */
export class KnownContents {
  private readonly hashes = new Map<string, string>();
  private readonly known = new Map<string, readonly string[]>();

  /** @param repair makes a lost index anew; only while the caller publishes alone */
  constructor(
    private readonly directory: PublishedDirectory,
    private readonly repair?: Pick<SnapshotPublisher, 'mendIndex'>,
  ) {}

  /** @throws AppError of `PublishedDirectory.readIndex`. */
  async of(channel: Channel, snapshot: string): Promise<readonly string[]> {
    const key = `${channel}/${snapshot}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const { files } = await this.read(channel, snapshot);
    const contents = files.map(({ sha256 }) => this.once(sha256));
    this.known.set(key, contents);
    return contents;
  }

  private async read(channel: Channel, snapshot: string): Promise<SnapshotIndex> {
    try {
      return await this.directory.readIndex(channel, snapshot);
    } catch (fault) {
      if (!isIndexLost(toAppError(fault)) || !(await this.repair?.mendIndex(channel, snapshot))) throw fault;
      return this.directory.readIndex(channel, snapshot);
    }
  }

  private once(sha256: string): string {
    const known = this.hashes.get(sha256) ?? sha256;
    this.hashes.set(sha256, known);
    return known;
  }
}
