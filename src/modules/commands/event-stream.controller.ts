import { Controller, Get, Req, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiProduces, ApiTags } from '@nestjs/swagger';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EventStream } from './event-stream.js';

@ApiTags('commands')
@ApiBearerAuth()
@Controller('api/v1/stream')
export class EventStreamController {
  constructor(private readonly stream: EventStream) {}

  /**
   * Server-sent events: `command` (as in the list), `target` (commandId, controllerId, state, reason), `targets-skipped` (count),
   * `download` (id, state, progress), `reset` (look at the lists again).
   */
  @Get()
  @ApiOkResponse({ schema: { type: 'string' } })
  @ApiProduces('text/event-stream')
  open(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    const last = request.headers['last-event-id'];
    reply.hijack();
    this.stream.attach(reply.raw, typeof last === 'string' ? last : undefined, { 'x-request-id': request.id });
  }
}
