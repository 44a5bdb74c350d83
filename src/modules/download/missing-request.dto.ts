import { Type } from 'class-transformer';
import { IsInt, Max, Min } from 'class-validator';
import { PageQuery } from '../../platform/http/page.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

export class MissingRequestQuery extends PageQuery {
  /** How many days back, today included; 7 by default. */
  @MayBeMissing()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(400)
  days: number = 7;
}
