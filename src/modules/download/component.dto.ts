import {
  IsArray,
  IsBoolean,
  IsIn,
  IsObject,
  IsString,
  Matches,
  MaxLength,
  ValidateNested,
  ArrayMaxSize,
  MinLength,
  IsInt,
  Min,
  Max,
} from 'class-validator';
import { Type } from 'class-transformer';
import { PickType } from '@nestjs/swagger';
import {
  COMPONENT_KINDS,
  SIGNATURE_POLICIES,
  type ComponentKind,
  type SignaturePolicy,
} from '../../mirror/catalogue/component.entity.js';
import { NUMBERINGS, type Numbering } from '../../mirror/manifest/version.js';
import { CHANNELS, type Channel } from '../../mirror/snapshot/channel.js';
import { PageQuery } from '../../platform/http/page.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

const UNIT_ID = /^(P|E)\.[0-9A-Fa-f]{1,8}$|^Info_[A-Za-z0-9_]{1,60}$/;

export class ComponentNames {
  @IsString()
  @MinLength(1)
  @MaxLength(200)
  ja: string;

  @IsString()
  @MinLength(1)
  @MaxLength(200)
  en: string;
}

export class NewComponent {
  /** Lower-case letters, digits and hyphens; never changed later. */
  @Matches(/^[a-z0-9][a-z0-9-]{0,62}$/, { message: 'id must be lower-case letters, digits and hyphens, 63 at most' })
  id: string;

  @IsObject()
  @ValidateNested()
  @Type(() => ComponentNames)
  names: ComponentNames;

  @IsIn(COMPONENT_KINDS)
  kind: ComponentKind;

  @MayBeMissing()
  @IsIn(NUMBERINGS)
  numbering?: Numbering;

  /** Entries of the manifest that belong to it: `P.4`, `E.20000`. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(UNIT_ID, { each: true, message: 'entries must be ids of manifest entries such as P.4 or E.20000' })
  entries?: string[];

  @MayBeMissing()
  @IsString()
  @MaxLength(64)
  licence?: string;

  /**
   * `as-before`: a new file is published only with a signature, where those before it had one. `optional`: also without, once the source
   * has had none for an hour.
   */
  @MayBeMissing()
  @IsIn(SIGNATURE_POLICIES)
  signatures?: SignaturePolicy;
}

export class ComponentChange {
  @MayBeMissing()
  @ValidateNested()
  @Type(() => ComponentNames)
  names?: ComponentNames;

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(100)
  @Matches(UNIT_ID, { each: true, message: 'entries must be ids of manifest entries such as P.4 or E.20000' })
  entries?: string[];

  /** Suffixes of variants that the japan channel derives. */
  @MayBeMissing()
  @IsArray()
  @IsIn(['80'], { each: true })
  variants?: string[];

  @MayBeMissing()
  @IsBoolean()
  scheduled?: boolean;

  @MayBeMissing()
  @IsString()
  @MaxLength(64)
  licence?: string;

  @MayBeMissing()
  @IsArray()
  @IsIn(['scan-service', 'policy-service'], { each: true })
  restarts?: string[];

  /**
   * `as-before`: a new file is published only with a signature, where those before it had one. `optional`: also without, once the source
   * has had none for an hour.
   */
  @MayBeMissing()
  @IsIn(SIGNATURE_POLICIES)
  signatures?: SignaturePolicy;
}

export class ComponentQuery extends PageQuery {
  /** Default: the default channel. */
  @MayBeMissing()
  @IsIn(CHANNELS)
  channel?: Channel;
}

export class ChannelQuery extends PickType(ComponentQuery, ['channel'] as const) {}

export class RollbackOrder {
  /** How many generations back; 1 by default. */
  @MayBeMissing()
  @IsInt()
  @Min(1)
  @Max(100)
  generations?: number;

  /** Instead of counting: the release to go back to. */
  @MayBeMissing()
  @IsString()
  releaseId?: string;
}
