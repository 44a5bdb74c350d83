import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../../../config/config.js';
import { isDatabaseBusy } from '../../../database/database.errors.js';
import { AppError } from '../../../platform/errors/app-error.js';
import { ListenerAddresses } from '../../../platform/http/listener-addresses.js';
import { ActionPort, type ContentFile } from '../action.port.js';
import { ConfigDataService, parseConfigData } from '../config-data.service.js';
import { AgentEventService } from '../agent-event.service.js';
import { AgentService } from '../agent.service.js';
import { Contacts } from './contacts.js';
import { ArtifactSender, sendSum } from './artifact-sender.js';
import { confirmationsView } from './confirmations.view.js';
import { DdiAuthentication, type AuthenticatedAgent } from './ddi-authentication.js';
import { linkBase, type LinkBase } from './ddi-links.js';
import { parseConfirmation, parseFeedback } from './ddi-messages.js';
import { artifactView, deploymentView } from './deployment.view.js';
import { PollHandler } from './poll-handler.js';
import { overloaded, WorkGate } from '../work-gate.js';

declare module 'fastify' {
  interface FastifyRequest {
    product?: AuthenticatedAgent;
    /** Bytes of the body, about. */
    bodyBytes?: number;
  }
}

/** What a product may send at once; our largest honest message is a report of 100 events. */
const BODY_LIMIT = 512 * 1024;
const HAL = 'application/hal+json;charset=utf-8';
const MAX_HISTORY = 100;
const MD5_SUFFIX = '.MD5SUM';
/** Told once, when the product enrolled. */
const TARGET_TOKEN_HEADER = 'x-haishin-target-token';
const CALLBACK_SECRET_HEADER = 'x-haishin-callback-secret';

type Params = Record<'tenant' | 'controllerId' | 'actionId' | 'moduleId' | 'filename', string>;
interface RouteOptions {
  /** Whether a token may create the product here. */
  mayEnrol?: boolean;
  /** Whether it uses a connection to the database by itself. */
  takesTurns?: boolean;
}
type Handler = (product: AuthenticatedAgent, request: FastifyRequest, reply: FastifyReply) => unknown;

/**
 * hawkBit DDI v1 with our additions (agent-protocol.md §1–§6). Plain Fastify routes: who asks is checked before a byte of the
 * body is read, and bodies with fields that nobody knows are welcome.
 */
@Injectable()
export class DdiRoutes implements OnModuleInit {
  constructor(
    private readonly host: HttpAdapterHost<FastifyAdapter>,
    private readonly authentication: DdiAuthentication,
    private readonly polls: PollHandler,
    private readonly contacts: Contacts,
    private readonly gate: WorkGate,
    private readonly actions: ActionPort,
    private readonly configData: ConfigDataService,
    private readonly events: AgentEventService,
    private readonly agents: AgentService,
    private readonly artifacts: ArtifactSender,
    private readonly addresses: ListenerAddresses,
    @Inject(CONFIG) private readonly config: Config,
  ) {}

  onModuleInit(): void {
    const fastify = this.host.httpAdapter?.getInstance<FastifyInstance>();
    // Absent when the application is only looked at, for its OpenAPI text.
    if (typeof fastify?.route !== 'function') return;
    fastify.decorateRequest('product', undefined);
    fastify.decorateRequest('bodyBytes', undefined);
    void fastify.register((scope, _options, done) => {
      this.acceptJson(scope);
      this.install(scope);
      done();
    });
  }

  /** JSON under any of its names, and without one; an empty body is an empty object. */
  private acceptJson(scope: FastifyInstance): void {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'string', bodyLimit: BODY_LIMIT }, (request, body, done) => {
      request.bodyBytes = body.length;
      if (body === '') return done(null, {});
      try {
        done(null, JSON.parse(body as string) as unknown);
      } catch {
        done(new AppError('bad-input', 'body-no-json'));
      }
    });
  }

  private install(scope: FastifyInstance): void {
    // What is thrown goes on to the application's handler.
    scope.setErrorHandler((fault) => {
      throw isDatabaseBusy(fault) ? overloaded() : fault;
    });
    const get = (path: string, handler: Handler, options?: RouteOptions): void =>
      this.route(scope, ['GET', 'HEAD'], path, handler, options);
    const post = (path: string, handler: Handler): void => this.route(scope, ['POST'], path, handler);
    const enrols = { mayEnrol: true };
    // These wait for what is read or written for many products at once: they need no turn of their own.
    const many = { takesTurns: false };
    get('', (...it) => this.poll(...it), { ...enrols, ...many });
    this.route(scope, ['PUT'], '/configData', (...it) => this.putConfigData(...it), enrols);
    post('/events', (...it) => this.postEvents(...it));
    get('/deploymentBase/:actionId', (...it) => this.deployment('deployment', ...it), many);
    post('/deploymentBase/:actionId/feedback', (...it) => this.feedback(...it));
    get('/installedBase/:actionId', (...it) => this.deployment('installed', ...it));
    get('/cancelAction/:actionId', (...it) => this.cancellation(...it));
    post('/cancelAction/:actionId/feedback', (...it) => this.cancelFeedback(...it));
    get('/confirmationBase', (...it) => this.confirmations(...it));
    get('/confirmationBase/:actionId', (...it) => this.deployment('confirmation', ...it));
    post('/confirmationBase/:actionId/feedback', (...it) => this.confirm(...it));
    post('/confirmationBase/activateAutoConfirm', (...it) => this.autoConfirm(true, ...it));
    post('/confirmationBase/deactivateAutoConfirm', (...it) => this.autoConfirm(false, ...it));
    post('/activateAutoConfirm', (...it) => this.autoConfirm(true, ...it));
    post('/deactivateAutoConfirm', (...it) => this.autoConfirm(false, ...it));
    get('/command/:actionId', (...it) => this.command(...it), many);
    post('/command/:actionId/feedback', (...it) => this.feedback(...it));
    get('/softwaremodules/:moduleId/artifacts', (...it) => this.listArtifacts(...it));
    get('/softwaremodules/:moduleId/artifacts/:filename', (...it) => this.artifact(...it));
    // Whatever else stands below a product: 401 first, like everything.
    this.route(scope, ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'], '/*', () => {
      throw new AppError('not-found', 'not-found');
    });
  }

  private route(
    scope: FastifyInstance,
    method: ('GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE')[],
    path: string,
    handler: Handler,
    { mayEnrol = false, takesTurns = true }: RouteOptions = {},
  ): void {
    scope.route<{ Params: Params }>({
      method,
      url: `/:tenant/controller/v1/:controllerId${path}`,
      bodyLimit: BODY_LIMIT,
      exposeHeadRoute: false,
      onRequest: async (request, reply) => {
        const product = await this.authentication.authenticate(request, request.params.controllerId, mayEnrol);
        if (product === null) return reply.code(401).send();
        if (request.params.tenant.toUpperCase() !== 'DEFAULT') return reply.code(404).send();
        if (product.agent.approval === 'blocked') return reply.code(403).send();
        if (product.handedOut !== null) void reply.header(TARGET_TOKEN_HEADER, product.handedOut);
        this.contacts.heard(request.params.controllerId, request);
        request.product = product;
        return undefined;
      },
      handler: (request, reply) => {
        const { product } = request;
        if (product === undefined) throw new AppError('internal', 'internal.unauthenticated');
        if (!takesTurns) return handler(product, request, reply);
        const work = async (): Promise<void> => void (await handler(product, request, reply));
        return this.gate.runFor(request.raw.socket, work, request.bodyBytes);
      },
    });
  }

  private base(request: FastifyRequest): LinkBase {
    return linkBase(request, { publicUrl: this.config.publicUrl, httpUrl: this.addresses.httpUrl });
  }

  private poll(product: AuthenticatedAgent, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    return this.polls.answer(product, this.base(request).own, request, reply);
  }

  private async putConfigData(
    { agent }: AuthenticatedAgent,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { mode, data } = parseConfigData(request.body);
    const { callbackSecret } = await this.configData.put(agent.controllerId, mode, data);
    if (callbackSecret !== null) void reply.header(CALLBACK_SECRET_HEADER, callbackSecret);
    await reply.code(200).send();
  }

  private async postEvents({ agent }: AuthenticatedAgent, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await this.events.take(agent, request.body);
    await reply.code(200).send();
  }

  private async deployment(
    which: 'deployment' | 'installed' | 'confirmation',
    { agent }: AuthenticatedAgent,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const content = await this.actions[which](agent, actionId(request), historyLength(request));
    const key = which === 'confirmation' ? 'confirmation' : 'deployment';
    await hal(reply, deploymentView(content, key, agent.controllerId, this.base(request)));
  }

  private async feedback({ agent }: AuthenticatedAgent, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await this.actions.feedback(agent, actionId(request), parseFeedback(request.body));
    await reply.code(200).send();
  }

  private async cancellation(
    { agent }: AuthenticatedAgent,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const id = actionId(request);
    const { stopId } = await this.actions.cancellation(agent, id);
    await hal(reply, { id, cancelAction: { stopId } });
  }

  private async cancelFeedback(
    { agent }: AuthenticatedAgent,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await this.actions.cancelFeedback(agent, actionId(request), parseFeedback(request.body));
    await reply.code(200).send();
  }

  private async confirmations(
    { agent }: AuthenticatedAgent,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await hal(reply, confirmationsView(agent, this.base(request).own));
  }

  private async confirm({ agent }: AuthenticatedAgent, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    await this.actions.confirm(agent, actionId(request), parseConfirmation(request.body));
    await reply.code(200).send();
  }

  private async autoConfirm(
    active: boolean,
    { agent }: AuthenticatedAgent,
    _request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    await this.agents.change(agent.controllerId, { autoConfirm: active });
    await reply.code(200).send();
  }

  private async command({ agent }: AuthenticatedAgent, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const id = actionId(request);
    await hal(reply, { id, command: await this.actions.command(agent, id) });
  }

  private async listArtifacts(
    { agent }: AuthenticatedAgent,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { moduleId } = request.params as Params;
    const files = await this.files(agent, moduleId);
    const base = this.base(request);
    await hal(
      reply,
      files.map((file) => artifactView(file, moduleId, agent.controllerId, base)),
    );
  }

  private async artifact({ agent }: AuthenticatedAgent, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { moduleId, filename } = request.params as Params;
    const files = await this.files(agent, moduleId);
    const file = files.find((each) => each.filename === filename);
    if (file !== undefined) return this.artifacts.send(request, reply, file);
    const summed = filename.endsWith(MD5_SUFFIX)
      ? files.find((each) => each.filename + MD5_SUFFIX === filename)
      : undefined;
    if (summed === undefined) throw new AppError('not-found', 'artifact-unknown');
    await sendSum(reply, summed);
  }

  private files(agent: AuthenticatedAgent['agent'], moduleId: string): Promise<ContentFile[]> {
    if (!/^\d{1,18}$/.test(moduleId)) throw new AppError('not-found', 'artifact-unknown.module');
    return this.actions.files(agent, moduleId);
  }
}

/** Digits only: anything else is no action of ours. */
function actionId(request: FastifyRequest): string {
  const id = (request.params as Params).actionId;
  if (!/^\d{1,18}$/.test(id)) throw new AppError('not-found', 'action-unknown');
  return id;
}

/** `?actionHistory=n`; negative: all that is kept. */
function historyLength(request: FastifyRequest): number {
  const wanted = Number((request.query as Record<string, unknown>)['actionHistory'] ?? 0);
  if (!Number.isInteger(wanted) || wanted === 0) return 0;
  return wanted < 0 ? MAX_HISTORY : Math.min(wanted, MAX_HISTORY);
}

async function hal(reply: FastifyReply, body: unknown): Promise<void> {
  await reply.code(200).header('content-type', HAL).header('cache-control', 'no-store').send(JSON.stringify(body));
}
