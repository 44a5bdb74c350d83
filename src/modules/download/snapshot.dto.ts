import { IsString, MaxLength, IsBoolean } from 'class-validator';
import { PageQuery } from '../../platform/http/page.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

export class ReleaseQuery extends PageQuery {
  /** Only releases of this component. */
  @MayBeMissing()
  @IsString()
  @MaxLength(63)
  component?: string;
}

export class SnapshotChange {
  /** Kept whatever its age. */
  @IsBoolean()
  pinned: boolean;
}
