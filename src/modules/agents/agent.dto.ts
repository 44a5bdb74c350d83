import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateNested,
} from 'class-validator';
import { CommaSeparated } from '../../platform/http/comma-separated.js';
import { IsInstant } from '../../platform/http/instant.js';
import { PageQuery } from '../../platform/http/page.js';
import { ENROLMENT_KINDS, type EnrolmentKind } from './enrolment-token.entity.js';
import type { AgentLicence, Approval } from './fleet.types.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

const TAG = /^[^\s,]{1,64}$/;

export class AgentOrderDto {
  /** What the product calls itself; never changed later. */
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  controllerId: string;

  @IsOptional()
  @IsString()
  @MaxLength(200)
  name?: string | null;

  /** Id or name of a group; default: New Entity. */
  @MayBeMissing()
  @IsString()
  @MaxLength(500)
  group?: string;

  /** The product's target token; made up when absent. At least 16 characters. */
  @MayBeMissing()
  @Matches(/^[\x21-\x7e]{16,512}$/, { message: 'securityToken must be 16 to 512 visible ASCII characters' })
  securityToken?: string;

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(50)
  @Matches(TAG, { each: true, message: 'tags are texts of up to 64 characters without spaces and commas' })
  tags?: string[];

  @MayBeMissing()
  @IsString()
  @MaxLength(200)
  productType?: string;
}

export class AgentLicenceDto implements AgentLicence {
  @IsString()
  @MinLength(1)
  @MaxLength(64)
  name: string;

  @IsBoolean()
  active: boolean;

  @IsOptional()
  @IsInstant()
  expiresAt: string | null = null;
}

export class AgentPatchDto {
  @IsOptional()
  @IsString()
  @MaxLength(200)
  name?: string | null;

  @MayBeMissing()
  @IsString()
  @MaxLength(500)
  group?: string;

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(50)
  @Matches(TAG, { each: true, message: 'tags are texts of up to 64 characters without spaces and commas' })
  tags?: string[];

  @IsOptional()
  @IsString()
  @MaxLength(200)
  productType?: string | null;

  /** null: the licences of the site hold. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => AgentLicenceDto)
  licences?: AgentLicenceDto[] | null;

  @MayBeMissing()
  @IsIn(['approved', 'pending', 'blocked'])
  approval?: Approval;

  @MayBeMissing()
  @IsBoolean()
  autoConfirm?: boolean;

  /** Where wake-up calls go; the answer holds the secret of the new callback. null: none. */
  @IsOptional()
  @IsString()
  @MaxLength(1000)
  callbackUrl?: string | null;

  /** true: the product is asked for its attributes at its next contact. */
  @MayBeMissing()
  @IsBoolean()
  configDataWanted?: boolean;

  /** null: the warning of a duplicate identity was seen to. */
  @IsOptional()
  @IsIn([null])
  duplicate?: null;
}

export class AgentListQuery extends PageQuery {
  /** Ids or names, separated by commas; with their subgroups. */
  @MayBeMissing()
  @CommaSeparated()
  @ArrayMaxSize(50)
  @IsString({ each: true })
  group?: string[];

  @MayBeMissing()
  @IsIn(['pending', 'blocked', 'approved', 'never', 'online', 'overdue', 'offline'])
  state?: string;

  @MayBeMissing()
  @IsString()
  @MaxLength(64)
  tag?: string;

  /** Product type, exactly. */
  @MayBeMissing()
  @IsString()
  @MaxLength(200)
  product?: string;

  /** Part of the controllerId, name or host name. */
  @MayBeMissing()
  @IsString()
  @MaxLength(200)
  text?: string;

  /** Only those that are suspected of sharing their identity. */
  @MayBeMissing()
  @Transform(({ value }: { value: unknown }) => (value === 'true' ? true : value === 'false' ? false : value))
  @IsBoolean()
  duplicates?: boolean;
}

export class AgentGroupOrder {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  @Matches(/^[^/]+$/, { message: 'name must not hold a slash' })
  name: string;

  /** Id of the group above; null or absent: at the top. */
  @IsOptional()
  @IsString()
  @MaxLength(36)
  parentId?: string | null;

  /** null or absent: as the group above. */
  @IsOptional()
  @IsInt()
  @Min(30)
  @Max(86_400)
  pollIntervalSeconds?: number | null;
}

export class AgentGroupPatch {
  @MayBeMissing()
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  @Matches(/^[^/]+$/, { message: 'name must not hold a slash' })
  name?: string;

  @IsOptional()
  @IsString()
  @MaxLength(36)
  parentId?: string | null;

  @IsOptional()
  @IsInt()
  @Min(30)
  @Max(86_400)
  pollIntervalSeconds?: number | null;
}

export class EnrolmentTokenOrder {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  name: string;

  /** `enrolment`: only the way in; `gateway`: may also act for the agents of its group. */
  @IsIn(ENROLMENT_KINDS)
  kind: EnrolmentKind;

  /** Id or name; where the products land. */
  @MayBeMissing()
  @IsString()
  @MaxLength(500)
  group?: string;

  /** How many products may enrol; absent: no limit. */
  @IsOptional()
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  uses?: number | null;

  @IsOptional()
  @IsInstant()
  expiresAt?: string | null;

  /** Absent: as the setting says. */
  @IsOptional()
  @IsBoolean()
  autoApprove?: boolean | null;
}
