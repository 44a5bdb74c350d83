import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { actorOf } from '../accounts/accounts.api.js';
import { EventStream, STREAM_HEAD } from './event-stream.js';

@ApiTags('commands')
@ApiBearerAuth()
@Controller('api/v1/stream')
export class EventStreamController {
  constructor(private readonly stream: EventStream) {}

  /**
   * Server-sent events: `command` (as in the list), `target` (commandId, controllerId, state, reason), `targets-skipped` (count),
   * `download` (id, state, progress), `reset` (look at the lists again). It ends within
   * seconds when the token is revoked or expires.
   */
  @Get()
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProduces('text/event-stream')
  open(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    // Fastify sends HEAD here as well: whoever only looks takes no place, and is not kept waiting.
    if (request.method === 'HEAD') return void reply.headers(STREAM_HEAD).send();
    const last = request.headers['last-event-id'];
    const { tokenId } = actorOf(request);
    this.stream.attach(reply.raw, tokenId, typeof last === 'string' ? last : undefined, { 'x-request-id': request.id });
    // Only now: whoever is refused gets his answer from Fastify.
    reply.hijack();
  }
}
