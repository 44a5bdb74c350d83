import { Injectable } from '@nestjs/common';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { decodeCursor, toPage, type Page, type PageQuery } from '../../platform/http/page.js';
import { isUuid } from '../../platform/http/uuid.js';
import { StandingService } from '../agents/agents.api.js';
import { CommandRepository, noCounts } from './command.repository.js';
import { unknownCommand } from './command.service.js';
import { maskLicence } from './licence.parameters.js';
import { GROUP_OF, isTargetState, TARGET_STATES, type TargetState } from './target-states.js';
import { TargetRepository } from './target.repository.js';
import { TrackingRepository, type TrackedCommand, type TrackingFilter } from './tracking.repository.js';
import {
  attemptView,
  commandView,
  countsOf,
  targetView,
  timelineEntry,
  type CommandView,
  type TargetView,
  type TimelineEntry,
} from './tracking.view.js';

/** Feedbacks, of each at most 10 texts: a page has up to 500 products. */
const MESSAGES_IN_LIST = 3;
const MESSAGES_IN_TIMELINE = 1_000;

export interface CommandDetails extends CommandView {
  /** Of a licence only the names. */
  parameters: object;
  tries: number;
  retryMinutes: number;
  /** Commands that took its place at some product, and those whose place it took. */
  supersededBy: string[];
  supersedes: string[];
}

export interface TargetTimeline extends TargetView {
  attempts: Record<string, unknown>[];
  /** The newest. */
  timeline: TimelineEntry[];
  /** Earlier entries that are kept, but would make the answer too large. */
  timelineOmitted: number;
}

/** Command tracking: what was ordered, and what became of it. */
@Injectable()
export class TrackingService {
  constructor(
    private readonly tracking: TrackingRepository,
    private readonly commands: CommandRepository,
    private readonly targets: TargetRepository,
    private readonly standings: StandingService,
    private readonly clock: Clock,
  ) {}

  async list(query: PageQuery, filter: TrackingFilter): Promise<Page<CommandView>> {
    const after = decodeCursor(query.cursor, 2);
    const place = after === null ? null : { issuedAt: String(after[0]), seq: String(after[1]) };
    if (place !== null && (Number.isNaN(Date.parse(place.issuedAt)) || !/^\d{1,18}$/.test(place.seq)))
      throw new AppError('bad-input', 'cursor-invalid');
    const rows = await this.tracking.list(filter, place, query.limit + 1);
    const open = await this.countsOfOpen(rows);
    return toPage(
      rows,
      query.limit,
      (row) => [row.issuedText, row.seq],
      (row) => commandView(row, countsOf(row, open)),
    );
  }

  /** @throws AppError `command-unknown`. */
  async get(id: string): Promise<CommandDetails> {
    const command = await this.find(id);
    const [open, links] = await Promise.all([this.countsOfOpen([command]), this.tracking.supersessions(command.seq)]);
    const { tries, retryMinutes } = command;
    const parameters = command.type === 'deliver-licence' ? maskLicence({ ...command.parameters }) : command.parameters;
    return { ...commandView(command, countsOf(command, open)), parameters, tries, retryMinutes, ...links };
  }

  /** @throws AppError `command-unknown`, `state-unknown`. */
  async targetsOf(id: string, query: PageQuery, state: string | undefined): Promise<Page<TargetView>> {
    const command = await this.find(id);
    const after = decodeCursor(query.cursor, 1);
    const rows = await this.targets.list(command, {
      ...(state === undefined ? {} : { states: wantedStates(state) }),
      ...(after === null ? {} : { after: String(after[0]) }),
      limit: query.limit + 1,
    });
    const ids = rows.slice(0, query.limit).map((row) => row.controllerId);
    const [standings, messages] = await Promise.all([
      this.standings.of(ids),
      this.tracking.lastMessages(command, ids, MESSAGES_IN_LIST),
    ]);
    const now = this.clock.now();
    return toPage(
      rows,
      query.limit,
      (row) => [row.controllerId],
      (row) => targetView(command, row, standings.get(row.controllerId), messages.get(row.controllerId) ?? [], now),
    );
  }

  /** One target with its tries and everything that the product told. @throws AppError `command-unknown`, `target-unknown`. */
  async target(id: string, controllerId: string): Promise<TargetTimeline> {
    const command = await this.find(id);
    const target = await this.targets.find(command, controllerId);
    if (target === null)
      throw new AppError('not-found', 'target-unknown', { values: { controllerId: controllerId.slice(0, 200) } });
    const [standings, attempts, told] = await Promise.all([
      this.standings.of([controllerId]),
      this.tracking.attempts(command, controllerId),
      this.tracking.messages(command, controllerId, MESSAGES_IN_TIMELINE),
    ]);
    const messages = told.rows.flatMap((row) => row.messages);
    return {
      ...targetView(command, target, standings.get(controllerId), messages, this.clock.now()),
      attempts: attempts.map(attemptView),
      timeline: told.rows.map((row) => timelineEntry(controllerId, row)),
      timelineOmitted: told.left,
    };
  }

  /** @throws AppError `command-unknown`. */
  async find(id: string): Promise<TrackedCommand> {
    const command = isUuid(id) ? await this.tracking.find(id) : null;
    if (command === null) throw unknownCommand(id.slice(0, 100));
    return command;
  }

  private async countsOfOpen(rows: readonly TrackedCommand[]): Promise<Map<string, ReturnType<typeof noCounts>>> {
    const open = rows.filter((row) => row.counts === null).map((row) => row.seq);
    return open.length === 0 ? new Map() : this.commands.counts(open);
  }
}

/** A state, several separated by commas, or a group. @throws AppError `state-unknown`. */
export function wantedStates(text: string): TargetState[] {
  return text.split(',').flatMap((word) => {
    if (isTargetState(word)) return [word];
    const states = TARGET_STATES.filter((state) => GROUP_OF[state] === word);
    if (states.length > 0 && word !== 'none') return states;
    throw new AppError('bad-input', 'state-unknown', {
      values: { word: word.slice(0, 50) },
      details: { states: TARGET_STATES },
    });
  });
}
