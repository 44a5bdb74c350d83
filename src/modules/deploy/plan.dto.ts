import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  Equals,
  IsArray,
  IsBoolean,
  IsDefined,
  IsIn,
  IsInt,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  IsTimeZone,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import { BINDINGS, type Binding } from './plan.definition.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';
import { CLOCK_TIME } from '../../platform/clock/clock-time.js';

const MOST_RINGS = 50;
const MOST_NAMES = 10_000;

export class RingSelectBody {
  /** Every product that earlier rings left. */
  @MayBeMissing()
  @Equals(true)
  all?: true;

  /** Ids of groups; their subgroups are included. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(MOST_NAMES)
  @IsUUID('all', { each: true })
  groups?: string[];

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(MOST_NAMES)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  tags?: string[];

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(MOST_NAMES)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  productTypes?: string[];

  /** Controller ids. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(MOST_NAMES)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  agents?: string[];

  /** Of the products that are to be deployed to and pass the filters, rounded up. */
  @MayBeMissing()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Max(100)
  percent?: number;

  @MayBeMissing()
  @IsInt()
  @Max(1_000_000)
  count?: number;
}

export class RingStartBody {
  @IsIn(['at-once', 'delay', 'local-time'])
  kind: 'at-once' | 'delay' | 'local-time';

  /** For `delay`: minutes after the end of the download (after the order, without one). */
  @ValidateIf((start: RingStartBody) => start.kind === 'delay' || start.minutes !== undefined)
  @IsInt()
  @Min(0)
  @Max(43_200)
  minutes?: number;

  /** For `local-time`: HH:MM. */
  @ValidateIf((start: RingStartBody) => start.kind === 'local-time' || start.time !== undefined)
  @Matches(CLOCK_TIME, { message: 'time must be a time HH:MM' })
  time?: string;

  /** For `local-time`: an IANA time zone such as Asia/Tokyo. */
  @ValidateIf((start: RingStartBody) => start.kind === 'local-time' || start.timeZone !== undefined)
  @IsTimeZone()
  timeZone?: string;
}

export class RingGateBody {
  /** Successful ÷ (successful + failed). */
  @MayBeMissing()
  @IsNumber()
  @Min(0)
  @Max(1)
  successShare?: number;

  /** Share of the ring that must have ended before its results are judged; default 0.9. */
  @MayBeMissing()
  @IsNumber()
  @Min(0)
  @Max(1)
  endedShare?: number;

  @MayBeMissing()
  @IsInt()
  @Min(0)
  @Max(43_200)
  soakMinutes?: number;

  /** A person must say yes as well. */
  @MayBeMissing()
  @IsBoolean()
  approval?: boolean;
}

export class RingBody {
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  name: string;

  @IsObject({ message: 'select must say which products the ring takes' })
  @ValidateNested()
  @Type(() => RingSelectBody)
  select: RingSelectBody;

  /** Absent or null: refused as a ring that would never open. */
  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => RingStartBody)
  start?: RingStartBody | null;

  /** Products that may be at it at the same time. */
  @IsOptional()
  @IsInt()
  @Max(1_000_000)
  concurrency?: number | null;

  /** Products that may be told per minute. */
  @IsOptional()
  @IsInt()
  @Max(1_000_000)
  ratePerMinute?: number | null;

  @MayBeMissing()
  @IsObject()
  @ValidateNested()
  @Type(() => RingGateBody)
  gate?: RingGateBody;
}

export class PauseRuleBody {
  /** Failed ÷ products of a ring. */
  @IsOptional()
  @IsNumber()
  @Min(0.0001)
  @Max(1)
  failedShare?: number | null;

  /** Products of a ring that expired or made no progress for 120 minutes. */
  @IsOptional()
  @IsInt()
  @Min(1)
  timeouts?: number | null;
}

export class PlanBody {
  @IsString()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.trim() : value))
  @MinLength(1)
  @MaxLength(100)
  name: string;

  @IsDefined()
  @IsArray()
  @ArrayMaxSize(MOST_RINGS)
  @ValidateNested({ each: true })
  @Type(() => RingBody)
  rings: RingBody[];

  @MayBeMissing()
  @IsObject()
  @ValidateNested()
  @Type(() => PauseRuleBody)
  pauseWhen?: PauseRuleBody;

  /** Id of the plan that engines follow instead. */
  @IsOptional()
  @IsUUID('all')
  engines?: string | null;

  @MayBeMissing()
  @IsIn(BINDINGS)
  boundTo?: Binding;

  /** Components to which the binding refers. */
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(63, { each: true })
  components?: string[] | null;

  @MayBeMissing()
  @IsBoolean()
  lateJoiners?: boolean;
}
