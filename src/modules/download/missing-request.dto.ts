import { IsInt, Max, Min } from 'class-validator';
import { PageQuery } from '../../platform/http/page.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';
import { WholeNumber } from '../../platform/http/whole-number.js';

export class MissingRequestQuery extends PageQuery {
  /** How many days back, today included; 7 by default. */
  @MayBeMissing()
  @WholeNumber()
  @IsInt()
  @Min(1)
  @Max(400)
  days: number = 7;
}
