import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsUUID,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { IsInstant } from '../../platform/http/instant.js';
import { PageQuery } from '../../platform/http/page.js';
import { COMMAND_TYPES, type CommandType } from './command.types.js';
import { TARGET_STATES } from './target-states.js';

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

const list = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' ? value.split(',').filter((part) => part !== '') : value;

export class TargetSelection {
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  agents?: string[];

  /** Ids; with their subgroups. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(500)
  @IsUUID('all', { each: true })
  groups?: string[];

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  tags?: string[];

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  productTypes?: string[];

  @IsOptional()
  @IsBoolean()
  all?: boolean;
}

export class CommandOrder {
  @IsIn(ORDERED_TYPES)
  type: OrderedType;

  @IsObject()
  @ValidateNested()
  @Type(() => TargetSelection)
  targets: TargetSelection;

  /** What the type needs: `component` or `components`; `enabled`, `intervalSeconds`; `url`; anything for a licence. */
  @IsOptional()
  @IsObject()
  parameters?: Record<string, unknown>;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(720)
  expiresInHours?: number;

  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(10)
  tries?: number;

  @IsOptional()
  @IsInt()
  @Min(0)
  @Max(10_080)
  retryMinutes?: number;
}

export class CommandQuery extends PageQuery {
  /** One or several, separated by commas. */
  @IsOptional()
  @Transform(list)
  @IsArray()
  @IsIn(COMMAND_TYPES, { each: true })
  type?: CommandType[];

  /** `open`, `ended`; or a state or group: commands with at least one such target. */
  @IsOptional()
  @IsIn(STATE_WORDS)
  state?: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  issuedBy?: string;

  @IsOptional()
  @IsInstant()
  from?: string;

  @IsOptional()
  @IsInstant()
  to?: string;

  /** controllerId: commands for this product; `state` then means the state of its target. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  agent?: string;

  @IsOptional()
  @IsString()
  @MaxLength(63)
  component?: string;

  @IsOptional()
  @IsUUID('all')
  deployment?: string;

  /** Beginnings of words: type, issuer, components, versions, and products where they are few. */
  @IsOptional()
  @IsString()
  @MaxLength(200)
  text?: string;
}

export class ExportQuery extends CommandQuery {
  @IsIn(['csv', 'ndjson'])
  format: 'csv' | 'ndjson' = 'ndjson';
}

export class TargetQuery extends PageQuery {
  /** A state, several separated by commas, or a group. */
  @IsOptional()
  @IsString()
  @MaxLength(300)
  state?: string;
}
