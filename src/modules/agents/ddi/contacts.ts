import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { ContactSource } from '../agent.repository.js';
import { ContactRecorder } from '../contact-recorder.js';

const MAX_FINGERPRINT = 300;

/** Notes that a product was heard of, with what tells one machine from another. */
@Injectable()
export class Contacts {
  constructor(private readonly recorder: ContactRecorder) {}

  heard(controllerId: string, request: FastifyRequest): void {
    const { address, fingerprint } = sourceOf(request);
    this.recorder.record(controllerId, address, fingerprint);
  }
}

export function sourceOf(request: FastifyRequest): ContactSource {
  const instance = request.headers['x-haishin-instance'];
  const program = request.headers['user-agent'] ?? '';
  const fingerprint = `${request.ip} ${program} ${typeof instance === 'string' ? instance : ''}`.trim();
  return { address: request.ip, fingerprint: fingerprint.slice(0, MAX_FINGERPRINT) };
}
