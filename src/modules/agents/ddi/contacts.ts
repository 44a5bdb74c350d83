import { Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { ContactRecorder } from '../contact-recorder.js';

const MAX_FINGERPRINT = 300;

/** Notes that a product was heard of, with what tells one machine from another. */
@Injectable()
export class Contacts {
  constructor(private readonly recorder: ContactRecorder) {}

  heard(controllerId: string, request: FastifyRequest): void {
    const instance = request.headers['x-haishin-instance'];
    const program = request.headers['user-agent'] ?? '';
    const fingerprint = `${request.ip} ${program} ${typeof instance === 'string' ? instance : ''}`.trim();
    this.recorder.record(controllerId, request.ip, fingerprint.slice(0, MAX_FINGERPRINT));
  }
}
