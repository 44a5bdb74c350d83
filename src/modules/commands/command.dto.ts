import { OmitType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsIn, IsObject, IsString, IsUUID, MaxLength, ValidateNested } from 'class-validator';
import { CommaSeparated } from '../../platform/http/comma-separated.js';
import { IsInstant } from '../../platform/http/instant.js';
import { PageQuery } from '../../platform/http/page.js';
import { FleetSelectionBody } from '../agents/agents.api.js';
import { OrderTerms } from './order-terms.dto.js';
import { COMMAND_TYPES, type CommandType } from './command.types.js';
import { TARGET_STATES } from './target-states.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

/** Types that a person may order here; deployments, downloads and uploads have their own places. */
export const ORDERED_TYPES = [
  'rollback',
  'set-schedule',
  'set-update-source',
  'refresh-inventory',
  'collect-diagnostics',
  'deliver-licence',
] as const;
export type OrderedType = (typeof ORDERED_TYPES)[number];

const STATE_WORDS = ['open', 'ended', ...TARGET_STATES, 'waiting', 'inProgress', 'successful', 'unsuccessful'];

export class CommandOrder extends OrderTerms {
  @IsIn(ORDERED_TYPES)
  type: OrderedType;

  @IsObject()
  @ValidateNested()
  @Type(() => FleetSelectionBody)
  targets: FleetSelectionBody;

  /** What the type needs: `component` or `components`; `enabled`, `intervalSeconds`; `url`; anything for a licence. */
  @MayBeMissing()
  @IsObject()
  parameters?: Record<string, unknown>;
}

export class CommandQuery extends PageQuery {
  /** One or several, separated by commas. */
  @MayBeMissing()
  @CommaSeparated()
  @IsIn(COMMAND_TYPES, { each: true })
  type?: CommandType[];

  /** `open`, `ended`; or a state or group: commands with at least one such target. */
  @MayBeMissing()
  @IsIn(STATE_WORDS)
  state?: string;

  @MayBeMissing()
  @IsString()
  @MaxLength(200)
  issuedBy?: string;

  @MayBeMissing()
  @IsInstant()
  from?: string;

  @MayBeMissing()
  @IsInstant()
  to?: string;

  /** controllerId: commands for this product; `state` then means the state of its target. */
  @MayBeMissing()
  @IsString()
  @MaxLength(200)
  agent?: string;

  @MayBeMissing()
  @IsString()
  @MaxLength(63)
  component?: string;

  @MayBeMissing()
  @IsUUID('all')
  deployment?: string;

  /** Beginnings of words: type, issuer, components, versions, and products where they are few. */
  @MayBeMissing()
  @IsString()
  @MaxLength(200)
  text?: string;
}

/** The whole list: it has no pages. */
export class ExportQuery extends OmitType(CommandQuery, ['limit', 'cursor'] as const) {
  @IsIn(['csv', 'ndjson'])
  format: 'csv' | 'ndjson' = 'ndjson';
}

export class TargetQuery extends PageQuery {
  /** A state, several separated by commas, or a group. */
  @MayBeMissing()
  @IsString()
  @MaxLength(300)
  state?: string;
}
