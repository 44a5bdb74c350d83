import { Injectable } from '@nestjs/common';
import { CatalogueRepository, unknownComponent } from '../../mirror/catalogue/catalogue.repository.js';
import type { Alongside } from '../../database/transaction.js';
import { Clock } from '../../platform/clock/clock.js';
import { AppError } from '../../platform/errors/app-error.js';
import { type KeyUnder, reason } from '../../platform/texts/texts.js';
import { SecretBox } from '../../platform/secrets/secret-box.js';
import { FleetService, type FleetMember } from '../agents/agents.api.js';
import type { CommandOrder, OrderedType } from './command.dto.js';
import { CommandService } from './command.service.js';
import { sealLicence } from './licence.parameters.js';
import type { NewCommand, NewTarget } from './command.types.js';

/** What a product must be able to do for a command; a product that did not say so is skipped at once. */
const CAPABILITY: Record<OrderedType, string> = {
  rollback: 'rollback',
  'set-schedule': 'schedule',
  'set-update-source': 'source',
  'refresh-inventory': 'inventory',
  'collect-diagnostics': 'diagnostics',
  'deliver-licence': 'licence',
};

const MAX_PARAMETERS = 16 * 1024;

/** Commands that a person orders for products, other than deployments. */
@Injectable()
export class OrderService {
  constructor(
    private readonly commands: CommandService,
    private readonly fleet: FleetService,
    private readonly catalogue: CatalogueRepository,
    private readonly secrets: SecretBox,
    private readonly clock: Clock,
  ) {}

  /**
   * @param alongside told the command's id
   * @throws AppError `selection-empty`, `agent-unknown`, `agent-group-unknown`, `parameters-invalid`, `component-unknown`.
   */
  async order(order: CommandOrder, actor: string, alongside: Alongside<string>): Promise<{ commandId: string }> {
    const parameters = await this.parameters(order.type, order.parameters ?? {});
    const members = await this.fleet.select(order.targets);
    if (members.length === 0) throw new AppError('unprocessable', 'selection-empty.products');
    // Only a rollback names any; the fields of a licence may be called anything.
    const components = order.type === 'rollback' ? (parameters['components'] as string[]) : [];
    const { expiresInHours, tries, retryMinutes } = order;
    const expiresAt = new Date(this.clock.now().getTime() + (expiresInHours ?? 0) * 3_600_000);
    const command: NewCommand = {
      type: order.type,
      issuedBy: actor,
      parameters,
      targets: members.map((member) => target(member, order.type, components)),
      ...(expiresInHours === undefined ? {} : { expiresAt }),
      ...(tries === undefined ? {} : { tries }),
      ...(retryMinutes === undefined ? {} : { retryMinutes }),
    };
    return this.commands.create(command, undefined, alongside);
  }

  private async parameters(type: OrderedType, given: Record<string, unknown>): Promise<Record<string, unknown>> {
    if (JSON.stringify(given).length > MAX_PARAMETERS) throw invalid('too-large');
    switch (type) {
      case 'rollback': {
        const named = given['components'] ?? [given['component']];
        const components: unknown[] = Array.isArray(named) ? named : [];
        const known = new Set((await this.catalogue.list()).map(({ id }) => id));
        const ids = components.map((id) => {
          if (typeof id !== 'string') throw invalid('rollback');
          if (!known.has(id)) throw unknownComponent(id);
          return id;
        });
        if (ids.length === 0) throw invalid('rollback');
        return { components: [...new Set(ids)] };
      }
      case 'set-schedule': {
        const { enabled, intervalSeconds } = given;
        if (typeof enabled !== 'boolean') throw invalid('enabled');
        if (intervalSeconds === undefined || intervalSeconds === null) return { enabled };
        if (!Number.isInteger(intervalSeconds) || Number(intervalSeconds) < 60 || Number(intervalSeconds) > 604_800)
          throw invalid('interval');
        return { enabled, intervalSeconds };
      }
      case 'set-update-source': {
        const url = typeof given['url'] === 'string' ? URL.parse(given['url']) : null;
        if (url === null || !['http:', 'https:'].includes(url.protocol) || url.username + url.password !== '')
          throw invalid('url');
        return { url: String(given['url']) };
      }
      case 'refresh-inventory':
      case 'collect-diagnostics':
        return {};
      case 'deliver-licence':
        if (Object.keys(given).length === 0) throw invalid('licence');
        return sealLicence(this.secrets, given);
    }
  }
}

function target(member: FleetMember, type: OrderedType, components: readonly string[]): NewTarget {
  const before = member.components.filter(({ id }) => components.includes(id)).map(({ version }) => version);
  const reason =
    member.approval !== 'approved'
      ? `agent-${member.approval}`
      : member.capabilities.includes(CAPABILITY[type])
        ? null
        : 'not-supported';
  return {
    controllerId: member.controllerId,
    state: reason === null ? 'queued' : 'skipped',
    reason,
    versionBefore: before.join(', ') || null,
  };
}

function invalid(why: KeyUnder<'reason.parameters.'>): AppError {
  return new AppError('bad-input', 'parameters-invalid', { values: { why: reason(`parameters.${why}`) } });
}
