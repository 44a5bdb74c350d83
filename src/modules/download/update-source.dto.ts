import { IsString, MaxLength } from 'class-validator';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

export class PreviewQuery {
  /** Component ids for `selected`, separated by commas; default: those of the setting. */
  @MayBeMissing()
  @IsString()
  @MaxLength(10_000)
  components?: string;
}
