import { Controller, Get, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import { missingKey, type MissingKind } from '../../mirror/source/missing-requests.js';
import { Clock } from '../../platform/clock/clock.js';
import { decodeCursor, toPage, type Page } from '../../platform/http/page.js';
import { dayBefore, MissingRequestRecorder } from './missing-request.recorder.js';
import { MissingRequestRepository, type MissingSum } from './missing-request.repository.js';
import { MissingRequestQuery } from './missing-request.dto.js';

export interface MissingRequestView {
  /** What was wanted, without its version: `pattern/vsapi`. `*`: too many different things to tell apart. */
  key: string;
  /** The component whose files are called so, where that is known. */
  component: string | null;
  channels: string[];
  count: number;
  lastPath: string;
  lastAt: string;
  /** `not-held`, `not-published` (the channel had nothing yet), `snapshot-gone`. */
  reason: MissingKind;
}

/** What pullers asked for in vain. */
@ApiTags('publication')
@ApiBearerAuth()
@Controller('api/v1/missing-requests')
export class MissingRequestController {
  constructor(
    private readonly recorder: MissingRequestRecorder,
    private readonly repository: MissingRequestRepository,
    private readonly clock: Clock,
  ) {}

  /** Requests for content that is not held, most wanted first. What is asked for between two pages may move to one that was read. */
  @Get()
  async list(@Query() query: MissingRequestQuery): Promise<Page<MissingRequestView>> {
    const after = decodeCursor(query.cursor, ['integer', 'text']);
    await this.recorder.flush();
    const from = dayBefore(this.clock.now(), query.days - 1);
    const sums = await this.repository.sums(from, query.limit + 1, after);
    const components =
      sums.length === 0 ? new Map<string, string>() : componentOfKey(await this.repository.knownPaths());
    return toPage(
      sums,
      query.limit,
      ({ count, key }) => [count, key],
      (sum) => view(sum, components.get(sum.key) ?? ownComponent(sum.key)),
    );
  }
}

/** Keys that belong to one component and no other. */
function componentOfKey(paths: readonly { component: string; path: string }[]): Map<string, string> {
  const found = new Map<string, string | null>();
  for (const { component, path } of paths) {
    const key = missingKey(path);
    found.set(key, (found.get(key) ?? component) === component ? component : null);
  }
  return new Map([...found].flatMap(([key, component]) => (component === null ? [] : [[key, component] as const])));
}

/** Components without entries have a folder each. */
function ownComponent(key: string): string | null {
  return /^custom\/([^/]+)\//.exec(key)?.[1] ?? null;
}

function view(sum: MissingSum, component: string | null): MissingRequestView {
  const { key, channels, count, lastPath, lastAt, lastKind } = sum;
  return { key, component, channels, count, lastPath, lastAt: lastAt.toISOString(), reason: lastKind };
}
