import { Body, Controller, Get, HttpCode, Param, ParseIntPipe, ParseUUIDPipe, Post, Query, Req } from '@nestjs/common';
import { ApiBearerAuth, ApiTags } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import type { Alongside } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { Idempotency, TakesIdempotencyKey } from '../../platform/http/idempotency.js';
import { decodeCursor, PageQuery, toPage, type Page } from '../../platform/http/page.js';
import { actorOf, AuditService } from '../accounts/accounts.api.js';
import { DeploymentControl } from './deployment.control.js';
import { ApproveBody, DeploymentBody, DeploymentQuery } from './deployment.dto.js';
import { modeOf, windowOf, type DeploymentOrder } from './deployment.order.js';
import { DeploymentReader } from './deployment.reader.js';
import { DeploymentService, type OrderedDeployment } from './deployment.service.js';
import type { DeploymentView, ListedDeploymentView } from './deployment.view.js';
import { PlanService } from './plan.service.js';
import { previewItems, previewSummary, type PreviewView } from './preview.view.js';

const uuid = new ParseUUIDPipe({
  exceptionFactory: () => new AppError('not-found', 'deployment-unknown.malformed'),
});
const position = new ParseIntPipe({
  exceptionFactory: () => new AppError('not-found', 'ring-unknown.number'),
});

/** A preview is for reading: without `?limit=` it comes whole up to here. */
const WHOLE_PREVIEW = 10_000;

@ApiTags('deployments')
@ApiBearerAuth()
@Controller('api/v1/deployments')
export class DeploymentController {
  constructor(
    private readonly deployments: DeploymentService,
    private readonly reader: DeploymentReader,
    private readonly control: DeploymentControl,
    private readonly plans: PlanService,
    private readonly idempotency: Idempotency,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Orders a deployment: without a plan to everybody named, at once. */
  @Post()
  @TakesIdempotencyKey()
  @HttpCode(202)
  order(@Body() body: DeploymentBody, @Req() request: FastifyRequest): Promise<OrderedDeployment> {
    const actor = actorOf(request).name;
    return this.idempotency.once<OrderedDeployment>(request, 'deployments', body, async (keep) => {
      const order = await this.orderOf(body, actor);
      const made = await this.deployments.order(order, undefined, async (manager, ordered) => {
        await this.audit.record(actor, 'deployment.order', ordered.id, { ...body }, manager);
        await keep(manager, ordered);
      });
      if (made === null) throw new Error('an order of a person was claimed by somebody else');
      return made;
    });
  }

  /** The same calculation as the order, product by product, without doing anything. */
  @Post('preview')
  @HttpCode(200)
  async preview(
    @Body() body: DeploymentBody,
    @Query() query: PageQuery,
    @Req() request: FastifyRequest,
  ): Promise<PreviewView> {
    const parts = await this.deployments.preview(await this.orderOf(body, actorOf(request).name));
    const items = previewItems(parts, await this.reader.numberings());
    const after = decodeCursor(query.cursor, 1)?.[0];
    const limited = new URL(request.url, 'http://host').searchParams.has('limit');
    const rest = after === undefined ? items : items.filter(({ controllerId }) => controllerId > after);
    const limit = limited ? query.limit : WHOLE_PREVIEW;
    const page = toPage(
      rest.slice(0, limit + 1),
      limit,
      ({ controllerId }) => [controllerId],
      (item) => item,
    );
    return { ...page, summary: previewSummary(parts, items) };
  }

  /** Newest first; whom each is for by numbers. */
  @Get()
  list(@Query() query: DeploymentQuery): Promise<Page<ListedDeploymentView>> {
    return this.reader.list(query, { state: query.state, trigger: query.trigger });
  }

  /** With its rings: states, numbers, how far the gates are, when the next one opens. */
  @Get(':id')
  get(@Param('id', uuid) id: string): Promise<DeploymentView> {
    return this.reader.get(id);
  }

  /** No ring opens and nobody new is told; products that have begun go on. */
  @Post(':id/pause')
  @TakesIdempotencyKey()
  @HttpCode(200)
  pause(@Param('id', uuid) id: string, @Req() request: FastifyRequest): Promise<DeploymentView> {
    return this.change(request, 'pause', id, (...it) => this.control.pause(id, ...it));
  }

  /** Goes on, in spite of the failures and time-outs so far. */
  @Post(':id/resume')
  @TakesIdempotencyKey()
  @HttpCode(200)
  resume(@Param('id', uuid) id: string, @Req() request: FastifyRequest): Promise<DeploymentView> {
    return this.change(request, 'resume', id, (...it) => this.control.resume(id, ...it));
  }

  /** Withdraws what waits and asks products that have begun to stop. */
  @Post(':id/abort')
  @TakesIdempotencyKey()
  @HttpCode(200)
  abort(@Param('id', uuid) id: string, @Req() request: FastifyRequest): Promise<DeploymentView> {
    return this.change(request, 'abort', id, (...it) => this.control.abort(id, ...it));
  }

  /** A person's word for the gate of a ring (counted from 0); with `override` it passes now. */
  @Post(':id/rings/:ring/approve')
  @TakesIdempotencyKey()
  @HttpCode(200)
  approve(
    @Param('id', uuid) id: string,
    @Param('ring', position) ring: number,
    @Body() body: ApproveBody,
    @Req() request: FastifyRequest,
  ): Promise<DeploymentView> {
    const order = { part: body.part ?? null, override: body.override ?? false };
    return this.change(request, 'approve', id, (...it) => this.control.approve(id, ring, order, ...it), {
      ring,
      ...order,
    });
  }

  private async change(
    request: FastifyRequest,
    what: string,
    id: string,
    work: (actor: string, alongside: Alongside<string>) => Promise<void>,
    details: Record<string, unknown> = {},
  ): Promise<DeploymentView> {
    const actor = actorOf(request).name;
    await this.idempotency.once(request, `deployment-${what}`, { id, ...details }, async (keep) => {
      await work(actor, async (manager) => {
        await this.audit.record(actor, `deployment.${what}`, id, details, manager);
        await keep(manager, { id });
      });
      return { id };
    });
    return this.reader.get(id);
  }

  private async orderOf(body: DeploymentBody, actor: string): Promise<DeploymentOrder> {
    return {
      components: body.components ?? [],
      releases: body.releases ?? [],
      channel: body.channel ?? null,
      selection: { ...body.targets },
      plan: await this.plans.ordered(body.plan ?? null),
      mode: modeOf(body.mode),
      window: windowOf(body.window),
      force: body.force ?? false,
      needsConfirmation: body.needsConfirmation ?? false,
      tries: body.tries ?? null,
      retryMinutes: body.retryMinutes ?? null,
      expiresInHours: body.expiresInHours ?? null,
      trigger: 'person',
      downloadId: null,
      basisAt: this.clock.now(),
      actor,
    };
  }
}
