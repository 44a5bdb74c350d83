import { statfsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../platform/clock/clock.js';
import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { BlobStore } from '../store/blob-store.js';
import { conditionalOn } from '../upstream/conditional.js';
import type { UpstreamSource, Validators } from '../upstream/source.js';
import type { HeldTree, PlanInput } from './mirror-plan.js';
import { mirrorRun, type MirrorRunResult, type RunProgress } from './mirror-run.js';
import type { SourceOpener } from './source-opener.js';
import {
  askedWith,
  LONGEST_COOL_DOWN_MS,
  validatorsOf,
  type ManifestDoubt,
  type RememberedFile,
  type UpstreamMemory,
  type UpstreamState,
} from './upstream-memory.js';

/** Left free on the disk whatever happens: the database and the logs need room too. */
const RESERVED_BYTES = 64 * 1024 * 1024;
/** After a refusal (401, 403): asking again at once would only be refused again. */
const COOL_DOWN_MS = 5 * 60_000;
/** Longest pause that a source may ask for; a wrong header must not silence the schedule for weeks. */
/** What was fetched is written down this often: a crash costs no more than this. */
const MEMORY_FLUSH_MS = 1000;
/** Faults that are not of one source: asking the next one would be of no use. */
const ENDS_ALL = new Set(['storage', 'internal', 'conflict', 'unavailable']);

export interface ReadRequest {
  setting: UpdateSourceSetting;
  plan: Omit<PlanInput, 'upstream' | 'held'>;
  /** What the channel publishes whose upstream is read. */
  held: HeldTree | null;
  /** Changes when another plan would be made from the same manifest. */
  fingerprint: string;
  /** Something is not known although nothing may have changed: do not stop at "not modified". */
  thorough: boolean;
  /** A cool-down holds back the schedule, never a person. */
  respectCoolDown: boolean;
  signal: AbortSignal;
  progress: RunProgress & { source(url: string): void };
}

export interface SourceRead {
  /** As configured: the name under which things are remembered. */
  key: string;
  /** For people. */
  url: string;
  result: MirrorRunResult;
  /** Sources before it in the order, and why they were of no use. */
  passedOver: PassedOver[];
}

export interface PassedOver {
  /** For people. */
  url: string;
  code: string;
  message: string;
}

/** Reads update sources, and keeps in mind between runs what was learnt of them. */
export class SourceReader {
  constructor(
    private readonly deps: {
      dataDir: string;
      blobs: BlobStore;
      memory: UpstreamMemory;
      sources: SourceOpener;
      clock: Clock;
      logger: Logger;
    },
  ) {}

  /**
   * Asks the sources in their order; the first that can be read wins.
   * @throws AppError of the last source that was asked; `upstream-cooling-down` when none was; `no-source`; of our disk; `cancelled`.
   */
  async readFirst(request: ReadRequest, sources: readonly { url: string }[]): Promise<SourceRead> {
    let last: AppError | null = null;
    const passedOver: PassedOver[] = [];
    for (const { url } of sources) {
      let source: UpstreamSource | null = null;
      try {
        source = await this.deps.sources.open(url, request.setting);
        request.progress.source(source.url);
        return { key: url, url: source.url, result: await this.read(request, source, url), passedOver };
      } catch (thrown) {
        const error = toAppError(thrown);
        const { code, message, details } = error;
        const coolsDown = code === 'upstream-cooling-down';
        if (ENDS_ALL.has(error.kind) && !coolsDown) throw thrown;
        // A source that was not asked explains nothing when another was asked in vain.
        if (last === null || !coolsDown) last = error;
        passedOver.push({ url: source?.url ?? url, code, message });
        this.deps.logger.warn({ source: source?.url ?? url, code, details }, message);
      } finally {
        await source?.close();
      }
    }
    throw last ?? new AppError('conflict', 'no-source', 'No update source is configured.');
  }

  /** The manifest was used: the next run need only ask whether it has changed. */
  async remember(read: SourceRead, fingerprint: string): Promise<void> {
    if (read.result.state === 'unchanged') return;
    const { manifestBytes, validators, groups } = read.result;
    // Without its content the manifest counts as new next time, and what was looked for in vain is looked for again.
    const lookAgain = groups.some((group) => group.lookAgain);
    const blob = await this.deps.blobs.write([manifestBytes], { maxBytes: manifestBytes.length });
    await this.deps.memory.manifestRead(
      read.key,
      {
        ...askedWith(validators),
        manifestSha256: lookAgain ? null : blob.sha256,
        planFingerprint: fingerprint,
        complete: !lookAgain && groups.every((group) => group.action !== 'earlier' && group.fault === null),
      },
      this.deps.clock.now(),
    );
  }

  private async read(request: ReadRequest, source: UpstreamSource, key: string): Promise<MirrorRunResult> {
    const { memory, clock, blobs, logger } = this.deps;
    const state = await memory.state(key);
    this.requireWarm(request, state, source.url);
    const remembered = await memory.files(key);
    const doubts = { held: state.lastError?.doubt };
    const diary = new Diary(memory, key, remembered, clock, logger);
    try {
      const result = await mirrorRun({
        source,
        blobs,
        remembered,
        learnt: diary.learnt,
        validators: validatorsOf(state),
        settled:
          state.complete && state.planFingerprint === request.fingerprint && request.held !== null && !request.thorough,
        lastManifest: await this.lastManifest(state),
        doubts,
        plan: request.plan,
        held: request.held,
        parallel: request.setting.parallel,
        freeBytes: () => this.freeBytes(),
        now: clock.now(),
        signal: request.signal,
        progress: request.progress,
        logger,
      });
      if (result.state === 'unchanged' && result.validators !== undefined)
        await this.rememberValidators(key, state, result.validators);
      const pause = result.state === 'read' ? result.pause : null;
      if (pause === null) await memory.answered(key);
      else await this.rememberFailure(key, pause, doubts.held);
      return result;
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.kind === 'upstream') await this.rememberFailure(key, error, doubts.held);
      throw thrown;
    } finally {
      await diary.close();
    }
  }

  /** Nothing is written where nothing would be gained: a source without validators is read as a whole each time. */
  private async rememberValidators(key: string, state: UpstreamState, found: Validators): Promise<void> {
    const { conditional } = conditionalOn(found);
    if (conditional === undefined || isDeepStrictEqual(conditional, validatorsOf(state))) return;
    await this.deps.memory.manifestStands(key, conditional);
  }

  private async rememberFailure(key: string, error: AppError, doubt: ManifestDoubt | undefined): Promise<void> {
    const now = this.deps.clock.now();
    const { code, message } = error;
    const remembered = { code, message, ...(doubt === undefined ? {} : { doubt }) };
    await this.deps.memory.failed(key, remembered, coolDown(error, now), now);
  }

  private requireWarm(request: ReadRequest, state: UpstreamState, url: string): void {
    if (!request.respectCoolDown || state.coolDownUntil === null) return;
    const left = state.coolDownUntil.getTime() - this.deps.clock.now().getTime();
    // More than the longest pause is left only when the clock was set back since.
    if (left <= 0 || left > LONGEST_COOL_DOWN_MS) return;
    const until = state.coolDownUntil.toISOString();
    throw new AppError('conflict', 'upstream-cooling-down', `The source is left alone until ${until}.`, {
      details: { url, until, reason: state.coolDownReason },
    });
  }

  private async lastManifest(state: UpstreamState): Promise<Buffer | null> {
    if (state.manifestSha256 === null || !(await this.deps.blobs.has(state.manifestSha256))) return null;
    return readFile(this.deps.blobs.pathOf(state.manifestSha256));
  }

  private freeBytes(): number {
    const disk = statfsSync(this.deps.dataDir);
    return Math.max(0, disk.bavail * disk.bsize - RESERVED_BYTES);
  }
}

/** Writes down what a run learns while it runs, so that neither a crash nor a fault makes it fetch the same again. */
class Diary {
  readonly learnt = new Set<string>();
  private readonly timer: NodeJS.Timeout;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly memory: UpstreamMemory,
    private readonly key: string,
    private readonly remembered: ReadonlyMap<string, RememberedFile>,
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
    const paths = [...this.learnt];
    this.learnt.clear();
    const files = paths.map((path) => this.remembered.get(path)).filter((file) => file !== undefined);
    try {
      await this.memory.rememberFiles(this.key, files, this.clock.now());
    } catch (fault) {
      for (const path of paths) this.learnt.add(path);
      this.logger.warn({ err: fault, source: this.key }, 'what was learnt of the source could not be recorded');
    }
  }
}

function coolDown(error: AppError, now: Date): Date | null {
  const seconds = error.details['retryAfterSeconds'];
  if (typeof seconds === 'number') return new Date(now.getTime() + Math.min(seconds * 1000, LONGEST_COOL_DOWN_MS));
  return error.code === 'upstream-refused' ? new Date(now.getTime() + COOL_DOWN_MS) : null;
}
