import { type FSWatcher, watch } from 'node:fs';
import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, type Said, saying } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import { inEach, type Sentence, texts } from '../../platform/texts/texts.js';
import { CHANNELS, isChannel, type Channel } from '../snapshot/channel.js';
import { DEFAULT_CHANNEL_FILE } from '../snapshot/published-directory.js';
import { signaturePathOf } from '../manifest/signature-path.js';
import { type IndexEntry, loadPublishedIndex, type PublishedIndex } from './published-index.js';

/** A published snapshot as a person sees it. */
export interface PublishedSnapshot {
  readonly id: string;
  /** ISO 8601. */
  readonly publishedAt: string;
}

interface ChannelState {
  /** What tells that the directory has changed; empty = look again at the next poll. */
  readonly signature: string;
  readonly current: PublishedIndex | null;
  /** Newest first; starts with `current`. */
  readonly retained: readonly PublishedIndex[];
  /** By lower-cased snapshot id. */
  readonly byId: ReadonlyMap<string, PublishedIndex>;
  /** Indexes in memory by the identity of their files, so that an unchanged one is not read again. */
  readonly byFile: ReadonlyMap<string, PublishedIndex>;
}

const NOTHING: ChannelState = { signature: '', current: null, retained: [], byId: new Map(), byFile: new Map() };
/** File systems without notifications, and network shares, are covered by looking at the pointer this often. */
const POLL_MS = 1000;

/**
 * What is published now, held in memory. Follows `published/<channel>/current` on its own, so that content workers and
 * other nodes need no database; `refresh()` makes a flip visible at once.
 */
export class PublishedTree {
  /** The channel behind `/TvcsDownload/ActiveUpdate`; follows its file, where there is one. */
  defaultChannel: Channel = 'japan';

  private readonly states = new Map<Channel, ChannelState>(CHANNELS.map((channel) => [channel, NOTHING]));
  private readonly watchers = new Map<Channel, FSWatcher>();
  private readonly lastFault = new Map<Channel, string>();
  /** Channels that have something published of which nothing can be served, and why. */
  private readonly unserved = new Map<Channel, string | Sentence>();
  private readonly leftOut = new Set<string>();
  private readonly signatureNames = new WeakMap<PublishedIndex, ReadonlySet<string>>();
  private timer: NodeJS.Timeout | undefined;
  private running: Promise<void> | undefined;
  private queued: Promise<void> | undefined;

  constructor(
    private readonly dataDir: string,
    private readonly logger: Pick<Logger, 'info' | 'warn' | 'error'>,
    /** Told when the tree was looked at: `fault` may have changed. */
    private readonly looked: () => void = () => undefined,
  ) {}

  /** What keeps published channels from being served, and what helps; null: nothing. */
  get fault(): Said | null {
    const faults = [...this.unserved].map(([channel, why]) =>
      texts('content.channel-not-served', () => ({ channel, why })),
    );
    if (faults.length === 0) return null;
    const all = inEach((language) => faults.map((each) => each[language]).join(language === 'ja' ? '' : ' '));
    return saying('content-not-served', { faults: all });
  }

  /** Loads what is published and follows it until `stop()`. Never fails: a damaged tree is logged and looked at again. */
  async start(): Promise<void> {
    await this.refresh();
    this.timer = setInterval(() => void this.poll(), POLL_MS);
    this.timer.unref();
    this.watchChannels();
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const watcher of this.watchers.values()) watcher.close();
    this.watchers.clear();
  }

  /** The snapshot that answers for a lower-cased path: the current one, else the newest retained one that has it. */
  holding(channel: Channel, lowerPath: string): PublishedIndex | undefined {
    const state = this.stateOf(channel);
    if (state.current?.entries.has(lowerPath)) return state.current;
    if (state.current && this.isUnsigned(state.current, lowerPath)) return undefined;
    for (const index of state.retained) if (index.entries.has(lowerPath)) return index;
    return undefined;
  }

  /** An earlier signature under the name that would sign a file of now: worse than none, products would refuse the file for it. */
  private isUnsigned(index: PublishedIndex, lowerPath: string): boolean {
    if (!lowerPath.endsWith('.sig')) return false;
    let names = this.signatureNames.get(index);
    if (!names) {
      names = new Set([...index.entries.keys()].map(signaturePathOf));
      this.signatureNames.set(index, names);
    }
    return names.has(lowerPath);
  }

  /** Letter case of the id does not matter. */
  snapshot(channel: Channel, snapshotId: string): PublishedIndex | undefined {
    return this.stateOf(channel).byId.get(snapshotId.toLowerCase());
  }

  /** Retained snapshots, newest first. */
  snapshots(channel: Channel): PublishedSnapshot[] {
    return this.stateOf(channel).retained.map(toSnapshot);
  }

  currentSnapshot(channel: Channel): PublishedSnapshot | null {
    const { current } = this.stateOf(channel);
    return current && toSnapshot(current);
  }

  /** Resolves when everything that was flipped or removed before the call is in force here. */
  refresh(): Promise<void> {
    // A run that has begun may have read the pointer already, so a later caller needs a run of its own; callers that
    // wait for the same next run share it.
    if (!this.running && !this.queued) return this.run();
    this.queued ??= (this.running ?? Promise.resolve()).then(() => {
      this.queued = undefined;
      return this.run();
    });
    return this.queued;
  }

  private run(): Promise<void> {
    this.running = Promise.all([this.readDefaultChannel(), ...CHANNELS.map((channel) => this.reload(channel))]).then(
      () => {
        this.running = undefined;
        this.looked();
      },
    );
    return this.running;
  }

  private async readDefaultChannel(): Promise<void> {
    const text = await readFile(join(this.dataDir, 'published', DEFAULT_CHANNEL_FILE), 'utf8').catch(() => '');
    const channel = text.trim();
    if (isChannel(channel)) this.defaultChannel = channel;
  }

  private stateOf(channel: Channel): ChannelState {
    return this.states.get(channel) ?? NOTHING;
  }

  private directory(channel: Channel): string {
    return join(this.dataDir, 'published', channel);
  }

  private async reload(channel: Channel): Promise<void> {
    const before = this.stateOf(channel);
    const signature = await this.signature(channel);
    try {
      const next = await this.load(channel, before, signature);
      this.states.set(channel, next);
      this.lastFault.delete(channel);
      this.unserved.delete(channel);
      if (next.current && next.current.snapshot !== before.current?.snapshot)
        this.logger.info(
          { channel, snapshot: next.current.snapshot, files: next.current.entries.size },
          'serving a snapshot',
        );
    } catch (error) {
      // What was published stays served; the empty signature makes the next poll look again.
      this.states.set(channel, { ...before, signature: '' });
      if (before.current === null) this.unserved.set(channel, messageOf(error));
      this.report(channel, error);
    }
  }

  private async load(channel: Channel, before: ChannelState, signature: string): Promise<ChannelState> {
    const directory = this.directory(channel);
    const currentId = await readCurrent(directory);
    if (currentId === null) {
      if (!before.current) return { ...NOTHING, signature };
      throw new Error(`The pointer to the current snapshot of channel ${channel} has gone`);
    }
    const byFile = new Map<string, PublishedIndex>();
    const known = function* (lowerPath: string): Generator<IndexEntry | undefined> {
      for (const index of before.retained) yield index.entries.get(lowerPath);
      for (const index of byFile.values()) yield index.entries.get(lowerPath);
    };
    const get = async (id: string): Promise<PublishedIndex> => {
      const identity = `${id} ${await identityOf(join(directory, id, 'index.json')).catch(() => 'absent')}`;
      const index = before.byFile.get(identity) ?? (await loadPublishedIndex(this.dataDir, channel, id, known));
      byFile.set(identity, index);
      return index;
    };
    const current = await get(currentId);
    const others: PublishedIndex[] = [];
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      // A leading dot is the publisher's mark for a tree that is still being rendered.
      if (!entry.isDirectory() || entry.name.startsWith('.') || entry.name === currentId) continue;
      const index = await get(entry.name).catch((error: unknown) => this.leaveOut(channel, entry.name, error));
      // One that is newer than the pointer was rendered but never put in force.
      if (index && index.publishedAtMs <= current.publishedAtMs) others.push(index);
    }
    others.sort((a, b) => b.publishedAtMs - a.publishedAtMs || (a.snapshot < b.snapshot ? 1 : -1));
    const retained = [current, ...others];
    const byId = new Map(retained.map((index) => [index.snapshot.toLowerCase(), index]));
    return { signature, current, retained, byId, byFile };
  }

  /** Changes with every flip and with every snapshot that comes or goes. */
  private async signature(channel: Channel): Promise<string> {
    const directory = this.directory(channel);
    try {
      const [identity, target] = await Promise.all([identityOf(directory), readCurrent(directory)]);
      return `${identity} ${target ?? ''}`;
    } catch {
      return 'absent';
    }
  }

  private async poll(): Promise<void> {
    await this.readDefaultChannel();
    for (const channel of CHANNELS) {
      const { signature } = this.stateOf(channel);
      if (signature === '' || signature !== (await this.signature(channel))) {
        await this.refresh();
        break;
      }
    }
    if (this.timer) this.watchChannels();
  }

  /** Notifications only make a flip visible sooner than the poll would; where they fail the poll is enough. */
  private watchChannels(): void {
    for (const channel of CHANNELS) {
      if (this.watchers.has(channel)) continue;
      try {
        const watcher = watch(this.directory(channel), { persistent: false }, () => void this.poll());
        const forget = (): void => {
          watcher.close();
          this.watchers.delete(channel);
        };
        watcher.on('error', forget);
        this.watchers.set(channel, watcher);
      } catch {
        // The directory appears with the first publication; the poll tries again.
      }
    }
  }

  private leaveOut(channel: Channel, snapshot: string, error: unknown): undefined {
    // A directory without an index is one that is being rendered, or removed.
    const rendering = error instanceof AppError && error.code === 'published-index-missing';
    if (rendering || this.leftOut.has(`${channel}/${snapshot}`)) return;
    this.leftOut.add(`${channel}/${snapshot}`);
    this.logger.warn({ channel, snapshot, err: error }, 'a retained snapshot cannot be read and is left out');
  }

  private report(channel: Channel, error: unknown): void {
    const text = String(error);
    if (this.lastFault.get(channel) === text) return;
    this.lastFault.set(channel, text);
    const serving = this.stateOf(channel).current?.snapshot ?? null;
    this.logger.error(
      { channel, serving, err: error },
      serving === null
        ? `the published tree cannot be read, and nothing of the channel is served. ${this.fault?.text.en}`
        : 'the published tree cannot be read; the earlier one stays served',
    );
  }
}

function messageOf(error: unknown): string | Sentence {
  if (error instanceof AppError) return error.text;
  return error instanceof Error ? error.message : String(error);
}

async function identityOf(path: string): Promise<string> {
  const status = await stat(path, { bigint: true });
  return `${status.ino}:${status.mtimeNs}`;
}

async function readCurrent(directory: string): Promise<string | null> {
  try {
    return await readlink(join(directory, 'current'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function toSnapshot(index: PublishedIndex): PublishedSnapshot {
  return { id: index.snapshot, publishedAt: index.publishedAt };
}
