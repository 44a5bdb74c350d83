import { ArrayMaxSize, ArrayMinSize, IsArray, IsString, MaxLength } from 'class-validator';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

export class DownloadOrder {
  /** Ids of the components to bring up to date; all when absent. */
  @MayBeMissing()
  @IsArray()
  @ArrayMinSize(1, { message: 'components must not be empty: leave it out for all' })
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(63, { each: true })
  components?: string[];
}
