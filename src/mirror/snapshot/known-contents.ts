import type { Channel } from './channel.js';
import type { PublishedDirectory } from './published-directory.js';

/** Contents of snapshots, which never change, by channel and snapshot; each hash once in memory. */
export class KnownContents {
  private readonly hashes = new Map<string, string>();
  private readonly known = new Map<string, readonly string[]>();

  constructor(private readonly directory: PublishedDirectory) {}

  async of(channel: Channel, snapshot: string): Promise<readonly string[]> {
    const key = `${channel}/${snapshot}`;
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const { files } = await this.directory.readIndex(channel, snapshot);
    const contents = files.map(({ sha256 }) => this.once(sha256));
    this.known.set(key, contents);
    return contents;
  }

  private once(sha256: string): string {
    const known = this.hashes.get(sha256) ?? sha256;
    this.hashes.set(sha256, known);
    return known;
  }
}
