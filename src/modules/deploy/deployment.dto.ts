import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  IsTimeZone,
  IsUUID,
  Max,
  MaxLength,
  Min,
  MinLength,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import { FleetSelectionBody } from '../agents/agents.api.js';
import { OrderTerms, type Handling } from '../commands/commands.api.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';
import { PageQuery } from '../../platform/http/page.js';

const HANDLINGS: readonly Handling[] = ['forced', 'attempt', 'skip'];
const MODES = ['forced', 'attempt', 'download-only'];

@ValidatorConstraint({ name: 'mode' })
class IsMode implements ValidatorConstraintInterface {
  validate(mode: unknown): boolean {
    if (typeof mode === 'string') return MODES.includes(mode);
    if (typeof mode !== 'object' || mode === null || Object.keys(mode).length !== 2) return false;
    const { download, update } = mode as Record<string, unknown>;
    return [download, update].every((each) => HANDLINGS.some((handling) => handling === each));
  }

  defaultMessage(): string {
    return `mode must be one of ${MODES.join(', ')}, or {download, update} of ${HANDLINGS.join(', ')} each`;
  }
}

/** Daily between two local times (with `timeZone`), or once between two instants. Judged by `windowOf`. */
export class WindowBody {
  @MayBeMissing()
  @IsIn(['daily', 'once'])
  kind?: 'daily' | 'once';

  @MayBeMissing()
  @IsTimeZone()
  timeZone?: string;

  /** HH:MM for a daily window, else ISO 8601. */
  @IsString()
  @MaxLength(40)
  from: string;

  @IsString()
  @MaxLength(40)
  to: string;

  /** 0 = Sunday … 6 = Saturday; absent: every day. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(7)
  @IsInt({ each: true })
  @Min(0, { each: true })
  @Max(6, { each: true })
  days?: number[];
}

export class DeploymentBody extends OrderTerms {
  /** Components, each at its current release in the channel. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(63, { each: true })
  components?: string[];

  /** Ids of releases. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(63, { each: true })
  releases?: string[];

  /** Default: the channel that `settings/distribution` names. */
  @MayBeMissing()
  @IsIn(CHANNELS)
  channel?: Channel;

  @IsObject({ message: 'targets must say to whom' })
  @ValidateNested()
  @Type(() => FleetSelectionBody)
  targets: FleetSelectionBody;

  /** Id or name of a plan; absent: everybody at once. */
  @MayBeMissing()
  @IsString()
  @MinLength(1)
  @MaxLength(100)
  plan?: string;

  /** `forced` (default), `attempt` (the product may choose the moment), `download-only`, or both parts apart. */
  @MayBeMissing()
  @Validate(IsMode)
  mode?: 'forced' | 'attempt' | 'download-only' | { download: Handling; update: Handling };

  @IsOptional()
  @IsObject()
  @ValidateNested()
  @Type(() => WindowBody)
  window?: WindowBody | null;

  /** Also where the version is current already, newer, or the other variant of the same number. */
  @MayBeMissing()
  @IsBoolean()
  force?: boolean;

  /** Products wait for a local operator's consent. */
  @MayBeMissing()
  @IsBoolean()
  needsConfirmation?: boolean;
}

export class ApproveBody {
  /** Where engines go apart: which part is meant; default: every part that has such a ring. */
  @MayBeMissing()
  @IsIn(['all', 'patterns', 'engines'])
  part?: 'all' | 'patterns' | 'engines';

  /** Lets the ring pass now, whatever its results are. */
  @MayBeMissing()
  @IsBoolean()
  override?: boolean;
}

export class DeploymentSettingBody {
  /**
   * `immediately`: what a download brought up to date, to everybody at once; `by-plan`: by the plan; `when-new`: by the plan
   * (or at once without one), but only what became newer: not a re-issued or withdrawn version.
   */
  @IsIn(['do-not-deploy', 'immediately', 'by-plan', 'when-new'])
  afterDownload: 'do-not-deploy' | 'immediately' | 'by-plan' | 'when-new';

  @IsOptional()
  @IsUUID('all')
  planId: string | null;

  /** The plan of engines; null: the same as for patterns. */
  @IsOptional()
  @IsUUID('all')
  enginePlanId: string | null;
}

export class DeploymentQuery extends PageQuery {
  @MayBeMissing()
  @IsIn(['running', 'paused', 'aborted', 'finished'])
  state?: 'running' | 'paused' | 'aborted' | 'finished';

  @MayBeMissing()
  @IsIn(['person', 'download'])
  trigger?: 'person' | 'download';
}
