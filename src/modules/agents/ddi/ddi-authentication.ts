import { Inject, Injectable } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { CONFIG, type Config } from '../../../config/config.js';
import { AgentDirectory, type KnownAgent } from '../agent-directory.js';
import { NEW_ENTITY } from '../agent-group.entity.js';
import type { ContactSource } from '../agent.repository.js';
import { tokenHash } from '../agent-token.js';
import { isControllerId } from '../agent.errors.js';
import { EnrolmentService } from '../enrolment.service.js';
import { EnrolmentTokenDirectory } from '../enrolment-token.directory.js';
import type { EnrolmentToken } from '../enrolment-token.entity.js';
import { CertifiedNames } from './certified-name.js';
import { sourceOf } from './contacts.js';
import { RefusedLog } from './refused-log.js';
import { WorkGate } from '../work-gate.js';

/** Who asks, proven. `handedOut`: a token that the product gets with this answer and never again. */
export interface AuthenticatedAgent {
  agent: KnownAgent;
  handedOut: string | null;
  /** What it was believed by: the product's own token, its certificate, or a gateway's token, by its hash. */
  proof: 'token' | 'certificate' | { gateway: Buffer };
}

const CREDENTIALS = /^(TargetToken|GatewayToken) +([\x21-\x7e]{8,512})$/i;

/**
 * Who may speak for a controllerId: its own token, a gateway's, or a client certificate with that CN. Anything else is null,
 * and nobody is told why (agent-protocol.md §4).
 */
@Injectable()
export class DdiAuthentication {
  private readonly certifiedNames: CertifiedNames;

  constructor(
    private readonly directory: AgentDirectory,
    private readonly tokens: EnrolmentTokenDirectory,
    private readonly enrolment: EnrolmentService,
    private readonly refused: RefusedLog,
    private readonly gate: WorkGate,
    @Inject(CONFIG) config: Config,
  ) {
    this.certifiedNames = new CertifiedNames(config);
  }

  /** `mayEnrol`: this request may bring an unknown product into being. */
  async authenticate(
    request: FastifyRequest,
    controllerId: string,
    mayEnrol: boolean,
  ): Promise<AuthenticatedAgent | null> {
    const found = isControllerId(controllerId) ? await this.identify(request, controllerId, mayEnrol) : null;
    if (found === null) this.refused.note(request.ip, controllerId);
    return found;
  }

  /** The same product as it is now, for a request that has waited; null when what it was believed by counts no more. */
  async again({ agent: before, proof }: AuthenticatedAgent): Promise<KnownAgent | null> {
    const agent = await this.directory.get(before.controllerId);
    if (agent === null || proof === 'certificate') return agent;
    if (proof === 'token') return before.tokenHash !== null && agent.tokenHash?.equals(before.tokenHash) ? agent : null;
    return (await this.byGateway(proof.gateway, agent.controllerId, null))?.agent ?? null;
  }

  private async identify(
    request: FastifyRequest,
    controllerId: string,
    mayEnrol: boolean,
  ): Promise<AuthenticatedAgent | null> {
    const [, scheme, token] = CREDENTIALS.exec(request.headers.authorization ?? '') ?? [];
    if (scheme !== undefined && token !== undefined) {
      const hash = tokenHash(token);
      if (scheme.toLowerCase() === 'gatewaytoken')
        return this.byGateway(hash, controllerId, mayEnrol ? sourceOf(request) : null);
      const agent = await this.directory.get(controllerId);
      return agent?.tokenHash?.equals(hash) ? { agent, handedOut: null, proof: 'token' } : null;
    }
    return this.certifiedNames.of(request.raw) === controllerId ? this.byCertificate(controllerId, mayEnrol) : null;
  }

  /** @param enrols where from it may be brought into being; null: not by this request */
  private async byGateway(
    hash: Buffer,
    controllerId: string,
    enrols: ContactSource | null,
  ): Promise<AuthenticatedAgent | null> {
    const token = await this.tokens.find(hash);
    if (token === null) return null;
    const agent = await this.directory.get(controllerId);
    if (agent === null) {
      const handedOut = enrols ? await this.gate.run(() => this.enrolment.enrol(controllerId, token)) : null;
      const enrolled = await this.directory.get(controllerId);
      // Without a use left nothing came into being; a faster request of the same product is as good as this one.
      return enrolled === null ? null : { agent: enrolled, handedOut, proof: proofOf(token) };
    }
    if (token.kind === 'gateway') {
      if (!(await this.covers(token, agent))) return null;
      this.tokens.noteUse(token);
      return { agent, handedOut: null, proof: proofOf(token) };
    }
    // An enrolment token opens nothing but the way in, and only to products that came that way before: one without a token of its own came
    // by its certificate, and has lost nothing.
    if (!enrols || agent.origin !== 'enrolled' || agent.tokenHash === null || !(await this.covers(token, agent)))
      return null;
    // It is refused all the same, and keeps the token that it has for the day on which it is let in again.
    if (agent.approval === 'blocked') return { agent, handedOut: null, proof: proofOf(token) };
    const handedOut = await this.gate.run(() => this.enrolment.enrolAgain(agent, token, enrols));
    const fresh = handedOut === null ? null : await this.directory.get(controllerId);
    return fresh === null ? null : { agent: fresh, handedOut, proof: proofOf(token) };
  }

  /** A token of New Entity is for the products wherever they were moved; any other one is for its part of the tree. */
  private async covers(token: EnrolmentToken, agent: KnownAgent): Promise<boolean> {
    return token.groupId === NEW_ENTITY || this.directory.isWithin(agent.groupId, token.groupId);
  }

  private async byCertificate(controllerId: string, mayEnrol: boolean): Promise<AuthenticatedAgent | null> {
    let agent = await this.directory.get(controllerId);
    if (agent === null && mayEnrol && (await this.enrolment.enrolByCertificate(controllerId)))
      agent = await this.directory.get(controllerId);
    return agent === null ? null : { agent, handedOut: null, proof: 'certificate' };
  }
}

/** Who enrols is believed by the token that it was given. */
function proofOf({ kind, tokenHash }: EnrolmentToken): AuthenticatedAgent['proof'] {
  return kind === 'gateway' ? { gateway: tokenHash } : 'token';
}
