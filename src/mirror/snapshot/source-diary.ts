import type { Clock } from '../../platform/clock/clock.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { SignatureDoubts } from './signature-doubts.js';
import type { RememberedFile, UpstreamMemory } from './upstream-memory.js';

/** What was fetched is written down this often: a crash costs no more than this. */
const MEMORY_FLUSH_MS = 1000;

/** Writes down what a run learns while it runs, so that neither a crash nor a fault makes it fetch the same again. */
export class SourceDiary {
  readonly learnt = new Set<string>();
  private readonly timer: NodeJS.Timeout;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly memory: UpstreamMemory,
    private readonly key: string,
    private readonly remembered: ReadonlyMap<string, RememberedFile>,
    private readonly signatureDoubts: SignatureDoubts,
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {
    this.timer = setInterval(() => void this.flush(), MEMORY_FLUSH_MS);
  }

  async close(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  private flush(): Promise<void> {
    this.writing = this.writing.then(() => this.write());
    return this.writing;
  }

  /** Never fails: what could not be written is only fetched once more, and must not hide the run's own outcome. */
  private async write(): Promise<void> {
    const { news } = this.signatureDoubts;
    const paths = [...this.learnt];
    const doubts = [...news];
    this.learnt.clear();
    news.clear();
    const files = paths.map((path) => this.remembered.get(path)).filter((file) => file !== undefined);
    try {
      await this.memory.rememberFiles(this.key, files, this.clock.now());
      await this.memory.rememberDoubts(this.key, doubts);
    } catch (fault) {
      for (const path of paths) this.learnt.add(path);
      for (const doubt of doubts) news.add(doubt);
      this.logger.warn({ err: fault, source: this.key }, 'what was learnt of the source could not be recorded');
    }
  }
}
