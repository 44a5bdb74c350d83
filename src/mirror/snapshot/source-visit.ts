import { AppError, faultOf, toAppError } from '../../platform/errors/app-error.js';
import type { Clock } from '../../platform/clock/clock.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { UpstreamSource } from '../upstream/source.js';
import { SignatureDoubts } from './signature-doubts.js';
import { SourceDiary } from './source-diary.js';
import type { SourceOpener } from './source-opener.js';
import {
  LONGEST_COOL_DOWN_MS,
  type ManifestDoubt,
  type RememberedFile,
  type UpstreamMemory,
  type UpstreamState,
} from './upstream-memory.js';

/** After a refusal (401, 403): asking again at once would only be refused again. */
const COOL_DOWN_MS = 5 * 60_000;

/** Faults that are not of one source: asking the next one would be of no use. */
const ENDS_ALL = new Set(['storage', 'internal', 'conflict', 'unavailable']);

/** Whether another source may do better. */
export function isOfOneSource({ kind, code }: AppError): boolean {
  return !ENDS_ALL.has(kind) || code === 'upstream-cooling-down';
}

export interface Visit {
  source: UpstreamSource;
  state: UpstreamState;
  /** By lower-cased path; whoever learns more adds it, and its name to `learnt`. */
  remembered: Map<string, RememberedFile>;
  learnt: Set<string>;
  signatureDoubts: SignatureDoubts;
  /** What was not believed before; emptied when the manifest is taken as it is. */
  doubts: { held: ManifestDoubt | undefined };
}

export interface VisitEnd<T> {
  value: T;
  /** What the source said when it asked for a pause, although the rest went well. */
  pause: AppError | null;
  /** Whether its manifest was judged as a whole; if not, what is doubted of it stays so. */
  judged: boolean;
}

/** Goes to one source, and keeps in mind what was learnt of it and how it stands. */
export class SourceVisits {
  constructor(
    private readonly deps: {
      memory: UpstreamMemory;
      sources: SourceOpener;
      clock: Clock;
      logger: Logger;
    },
  ) {}

  /**
   * As the settings say.
   * @throws AppError kind `bad-input` of a setting that keeps us from asking it at all, such as a CA file; it is noted as the source's.
   */
  async open(url: string, setting: UpdateSourceSetting): Promise<UpstreamSource> {
    try {
      return await this.deps.sources.open(url, setting);
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.kind === 'bad-input')
        await this.rememberFailure(url, error, (await this.deps.memory.state(url)).lastError?.doubt);
      throw thrown;
    }
  }

  /**
   * @param key under which things are remembered: the source as configured
   * @throws AppError `upstream-cooling-down`; what the work throws, after the source's own faults were noted.
   */
  async visit<T>(
    source: UpstreamSource,
    key: string,
    respectCoolDown: boolean,
    work: (visit: Visit) => Promise<VisitEnd<T>>,
  ): Promise<T> {
    const { memory, clock, logger } = this.deps;
    const state = await memory.state(key);
    if (respectCoolDown) this.requireWarm(state, source.url);
    const remembered = await memory.files(key);
    const doubts = { held: state.lastError?.doubt };
    const signatureDoubts = new SignatureDoubts(await memory.doubts(key), clock.now());
    const diary = new SourceDiary(memory, key, remembered, signatureDoubts, clock, logger);
    const { learnt } = diary;
    try {
      const { value, pause, judged } = await work({ source, state, remembered, learnt, signatureDoubts, doubts });
      if (pause !== null) await this.rememberFailure(key, pause, doubts.held);
      else if (judged || doubts.held === undefined) await memory.answered(key);
      return value;
    } catch (thrown) {
      const error = toAppError(thrown);
      if (error.kind === 'upstream') await this.rememberFailure(key, error, doubts.held);
      throw thrown;
    } finally {
      await diary.close();
    }
  }

  private async rememberFailure(key: string, error: AppError, doubt: ManifestDoubt | undefined): Promise<void> {
    const now = this.deps.clock.now();
    const remembered = { ...faultOf(error), ...(doubt === undefined ? {} : { doubt }) };
    await this.deps.memory.failed(key, remembered, coolDown(error, now), now);
  }

  private requireWarm(state: UpstreamState, url: string): void {
    if (state.coolDownUntil === null) return;
    const left = state.coolDownUntil.getTime() - this.deps.clock.now().getTime();
    // More than the longest pause is left only when the clock was set back since.
    if (left <= 0 || left > LONGEST_COOL_DOWN_MS) return;
    const until = state.coolDownUntil.toISOString();
    throw new AppError('conflict', 'upstream-cooling-down', {
      details: { url, until, reason: state.coolDownReason },
    });
  }
}

function coolDown(error: AppError, now: Date): Date | null {
  const seconds = error.details['retryAfterSeconds'];
  if (typeof seconds === 'number') return new Date(now.getTime() + Math.min(seconds * 1000, LONGEST_COOL_DOWN_MS));
  return error.code === 'upstream-refused' ? new Date(now.getTime() + COOL_DOWN_MS) : null;
}
