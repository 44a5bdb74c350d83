import { IsIn } from 'class-validator';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

export class UploadQuery {
  /** `newer` (default): takes over when it is newer than what is in force; `force`: in any case. */
  @MayBeMissing()
  @IsIn(['newer', 'force'])
  publish?: 'newer' | 'force';
}
