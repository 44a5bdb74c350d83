import { AppError, toAppError } from '../../platform/errors/app-error.js';
import type { Logger } from '../../platform/logging/logger.js';
import { MAX_MANIFEST_BYTES } from '../manifest/ini-document.js';
import { Manifest } from '../manifest/manifest.js';
import type { UpdateSourceSetting } from '../settings/mirror.settings.js';
import type { BlobStore } from '../store/blob-store.js';
import { conditionalOn } from '../upstream/conditional.js';
import type { SmallContent, UpstreamSource } from '../upstream/source.js';
import { DiskRoom } from './disk-room.js';
import { endsRun, pauseOf } from './fetch-round.js';
import { filesOf, type StandIn, type StandInRequest } from './round-input.js';
import type { FetchedFile, FileContent } from './fetched-file.js';
import { FileTurns } from './file-turns.js';
import { fetchGroup } from './group-fetch.js';
import { MANIFEST_PATH } from './held-file.js';
import { sameLines, type PlanGroup } from './mirror-plan.js';
import { isOfOneSource, type SourceVisits, type Visit, type VisitEnd } from './source-visit.js';
import { inAnySpelling } from './spelled-source.js';
import { lastManifest, validatorsOf } from './upstream-memory.js';

type Delivered = Map<string, FetchedFile[]>;

/** The very same lines for every entry of the group, and no further entry: any file of it may then come from either source. */
function saysTheSame(
  group: PlanGroup,
  first: Manifest,
  other: Manifest,
  componentOfUnit: ReadonlyMap<string, string>,
): boolean {
  const { componentId } = group;
  const members =
    componentId === null
      ? group.units.length
      : [...other.units.keys()].filter((id) => componentOfUnit.get(id.toUpperCase()) === componentId).length;
  return (
    members === group.units.length &&
    group.units.every(({ id }) => other.units.get(id)?.faults.length === 0 && sameLines(first, other, id))
  );
}

/** Asks further sources of a channel for what the one whose manifest was read cannot deliver. */
export class StandIns {
  constructor(
    private readonly deps: {
      blobs: BlobStore;
      visits: SourceVisits;
      logger: Logger;
    },
  ) {}

  /**
   * By the keys of the groups: each has all its files and signatures from one source.
   * @throws AppError of our disk; `cancelled`. A source that is of no use is only logged: the first one has said what is wrong.
   */
  async ask(
    next: readonly { url: string }[],
    { setting, respectCoolDown }: { setting: UpdateSourceSetting; respectCoolDown: boolean },
    wanted: StandInRequest,
  ): Promise<Map<string, StandIn>> {
    const found = new Map<string, StandIn>();
    for (const { url } of next) {
      const groups = wanted.groups.filter(({ key }) => !found.has(key));
      if (groups.length === 0) break;
      let source: UpstreamSource | null = null;
      try {
        source = await this.deps.visits.open(url, setting);
        const delivered = await this.deps.visits.visit(source, url, respectCoolDown, (visit) =>
          this.askOne(visit, { ...wanted, groups }),
        );
        for (const [key, files] of delivered) found.set(key, { sourceUrl: source.url, files });
      } catch (thrown) {
        const error = toAppError(thrown);
        if (!isOfOneSource(error)) throw thrown;
        const { code, message, details } = error;
        this.deps.logger.warn({ source: source?.url ?? url, code, details }, `as a stand-in: ${message}`);
      } finally {
        await source?.close();
      }
    }
    return found;
  }

  private async askOne(visit: Visit, wanted: StandInRequest): Promise<VisitEnd<Delivered>> {
    const { source } = visit;
    const agrees = (manifest: Manifest) => (group: PlanGroup) =>
      saysTheSame(group, wanted.manifest, manifest, wanted.componentOfUnit);
    const read = await this.readManifest(visit, wanted);
    const manifest = Manifest.parse(read.body);
    const groups = wanted.groups.filter(agrees(manifest));
    const spelled = { ...visit, source: inAnySpelling(source, manifest) };
    const { delivered, pause } = await this.fetch(spelled, { ...wanted, groups });
    if (delivered.size > 0) {
      // Files that hung must not keep the rest from being used.
      source.reset();
      const again = await source.fetchSmall(MANIFEST_PATH, {
        maxBytes: MAX_MANIFEST_BYTES,
        signal: wanted.fetch.signal,
        ...conditionalOn(read),
      });
      if (again.status === 'ok' && !again.body.equals(read.body)) {
        const still = agrees(Manifest.parse(again.body));
        for (const group of groups) if (!still(group)) delivered.delete(group.key);
      }
    }
    return { value: delivered, pause, judged: false };
  }

  /** It is only compared: what is remembered of it stays what was used last. */
  private async readManifest({ source, state }: Visit, { fetch }: StandInRequest): Promise<SmallContent> {
    const last = await lastManifest(state, this.deps.blobs);
    const got = await source.fetchSmall(MANIFEST_PATH, {
      maxBytes: MAX_MANIFEST_BYTES,
      signal: fetch.signal,
      ...(last === null ? {} : conditionalOn(validatorsOf(state))),
    });
    return got.status === 'ok' ? got : { status: 'ok', body: last ?? Buffer.alloc(0), ...validatorsOf(state) };
  }

  private async fetch(
    { source, remembered, learnt, signatureDoubts }: Visit,
    { fetch, groups, heldUnits, progress, freeBytes }: StandInRequest,
  ): Promise<{ delivered: Delivered; pause: AppError | null }> {
    const room = new DiskRoom(freeBytes, filesOf(groups));
    const delivered: Delivered = new Map();
    // A full disk would end the whole run, and what the first source did deliver would wait with the rest.
    if (room.promised > freeBytes()) return { delivered, pause: null };
    const turns = new FileTurns<FileContent>();
    const unsignedSince = new Map<string, Date>();
    const learning = { remembered, learnt, signatureDoubts, unsignedSince };
    const input = { ...fetch, ...learning, source, room, turns, progress };
    const errors: AppError[] = [];
    await Promise.all(
      groups.map(async (group) => {
        try {
          delivered.set(group.key, await fetchGroup(input, group, heldUnits));
        } catch (thrown) {
          const error = toAppError(thrown);
          errors.push(error);
          const { code, message, details } = error;
          this.deps.logger.warn({ source: source.url, group: group.key, code, details }, `as a stand-in: ${message}`);
        }
      }),
    );
    const fatal = errors.filter(endsRun);
    const first = fatal.find((error) => error.code !== 'cancelled') ?? fatal[0];
    if (first !== undefined) throw first;
    return { delivered, pause: pauseOf(errors) };
  }
}
