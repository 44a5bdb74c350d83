import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../platform/clock/clock.js';
import { AppError, type Fault, faultOf, toAppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { BlobStore } from '../store/blob-store.js';
import { conditionalOn } from '../upstream/conditional.js';
import type { UpstreamSource, Validators } from '../upstream/source.js';
import type { Channel } from './channel.js';
import { freeBytesIn } from './disk-room.js';
import type { GroupResult } from './round-input.js';
import { mirrorRun, type MirrorRunInput, type MirrorRunResult, type RunProgress } from './mirror-run.js';
import { isOfOneSource, type SourceVisits } from './source-visit.js';
import type { StandIns } from './stand-ins.js';
import { askedWith, lastManifest, validatorsOf, type UpstreamMemory, type UpstreamState } from './upstream-memory.js';

/** What a run says of every source that it may ask. */
type OfRun = 'plan' | 'held' | 'ownSnapshots' | 'signaturesOptional' | 'signedBefore' | 'signal';

/** `held`: what the channel publishes whose upstream is read. */
export interface ReadRequest extends Pick<MirrorRunInput, OfRun> {
  setting: UpdateSourceSetting;
  /** Changes when another plan would be made from the same manifest. */
  fingerprint: string;
  /** Something is not known although nothing may have changed: do not stop at "not modified". */
  thorough: boolean;
  /** A cool-down holds back the schedule, never a person. */
  respectCoolDown: boolean;
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

export interface PassedOver extends Fault {
  /** For people. */
  url: string;
  /** Of whose sources it is one, when each channel has its own. */
  channel?: Channel;
  /** Only for groups of files that it could not deliver; the rest is of this source. */
  inPart?: true;
}

/** Once for each fault: what one source could not deliver another one did. */
function undelivered(url: string, groups: readonly GroupResult[]): PassedOver[] {
  const faults = groups.flatMap(({ action, stoodIn }) =>
    action === 'fetch' && stoodIn !== undefined ? [stoodIn.fault] : [],
  );
  const byCode = new Map(faults.map((fault) => [fault.code, fault]));
  return [...byCode.values()].map((fault) => ({ url, ...faultOf(fault), inPart: true }));
}

/** Reads update sources, and keeps in mind between runs what was learnt of them. */
export class SourceReader {
  constructor(
    private readonly deps: {
      dataDir: string;
      blobs: BlobStore;
      memory: UpstreamMemory;
      visits: SourceVisits;
      standIns: StandIns;
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
    for (const [at, { url }] of sources.entries()) {
      let source: UpstreamSource | null = null;
      try {
        source = await this.deps.visits.open(url, request.setting);
        request.progress.source(source.url);
        const result = await this.read(request, source, url, sources.slice(at + 1));
        const incomplete = result.state === 'read' ? undelivered(source.url, result.groups) : [];
        return { key: url, url: source.url, result, passedOver: [...passedOver, ...incomplete] };
      } catch (thrown) {
        const error = toAppError(thrown);
        const { code, message, details } = error;
        if (!isOfOneSource(error)) throw thrown;
        // A source that was not asked explains nothing when another was asked in vain.
        if (last === null || code !== 'upstream-cooling-down') last = error;
        passedOver.push({ url: source?.url ?? url, ...faultOf(error) });
        this.deps.logger.warn({ source: source?.url ?? url, code, details }, message);
      } finally {
        await source?.close();
      }
    }
    throw last ?? new AppError('conflict', 'no-source');
  }

  /**
   * The manifest was used: the next run need only ask whether it has changed.
   * @param reads all of the run: where both channels have read one source, what is left over for either is
   */
  async remember(read: SourceRead, fingerprint: string, reads: readonly SourceRead[]): Promise<void> {
    if (read.result.state === 'unchanged') return;
    const { manifestBytes, validators, groups } = read.result;
    const ofSource = reads.flatMap(({ key, result }) =>
      key === read.key && result.state === 'read' ? result.groups : [],
    );
    const lookAgain = ofSource.filter((group) => group.lookAgain).map(({ key }) => key);
    const unsigned = ofSource.flatMap(({ key, unsignedSince: since }) => (since === undefined ? [] : [[key, since]]));
    const blob = await this.deps.blobs.write([manifestBytes], { maxBytes: manifestBytes.length });
    await this.deps.memory.manifestRead(
      read.key,
      {
        ...askedWith(validators),
        manifestSha256: blob.sha256,
        planFingerprint: fingerprint,
        complete: groups.every(
          ({ action, fault, doubted, lookAgain: again }) =>
            action !== 'earlier' && fault === null && !doubted && !again,
        ),
        lookAgain,
        unsignedSince: Object.fromEntries(unsigned) as Record<string, Date>,
      },
      this.deps.clock.now(),
    );
  }

  private read(
    request: ReadRequest,
    source: UpstreamSource,
    key: string,
    next: readonly { url: string }[],
  ): Promise<MirrorRunResult> {
    const { visits, standIns, clock, blobs, logger } = this.deps;
    return visits.visit(source, key, request.respectCoolDown, async ({ state, ...visit }) => {
      const result = await mirrorRun({
        ...request,
        ...visit,
        blobs,
        validators: validatorsOf(state),
        settled:
          state.complete && state.planFingerprint === request.fingerprint && request.held !== null && !request.thorough,
        lastManifest: await lastManifest(state, blobs),
        lookAgain: new Set(state.lookAgain),
        unsignedSince: new Map(Object.entries(state.unsignedSince).map(([key, since]) => [key, new Date(since)])),
        parallel: request.setting.parallel,
        freeBytes: () => freeBytesIn(this.deps.dataDir),
        now: clock.now(),
        logger,
        standIns: (wanted) => standIns.ask(next, request, wanted),
      });
      if (result.state === 'unchanged' && result.validators !== undefined)
        await this.rememberValidators(key, state, result.validators);
      return { value: result, pause: result.state === 'read' ? result.pause : null, judged: true };
    });
  }

  /** Nothing is written where nothing would be gained: a source without validators is read as a whole each time. */
  private async rememberValidators(key: string, state: UpstreamState, found: Validators): Promise<void> {
    const { conditional } = conditionalOn(found);
    if (conditional === undefined || isDeepStrictEqual(conditional, validatorsOf(state))) return;
    await this.deps.memory.manifestStands(key, conditional);
  }
}
