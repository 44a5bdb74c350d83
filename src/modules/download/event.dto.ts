import { IsIn, IsString, MaxLength } from 'class-validator';
import { IsInstant } from '../../platform/http/instant.js';
import { PageQuery } from '../../platform/http/page.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';
import { EVENT_OUTCOMES, EVENT_TRIGGERS, type EventOutcome, type EventTrigger } from './update-event.entity.js';

export class EventQuery extends PageQuery {
  @MayBeMissing()
  @IsString()
  @MaxLength(63)
  component?: string;

  @MayBeMissing()
  @IsIn(EVENT_TRIGGERS)
  trigger?: EventTrigger;

  @MayBeMissing()
  @IsIn(EVENT_OUTCOMES)
  outcome?: EventOutcome;

  @MayBeMissing()
  @IsInstant()
  from?: string;

  @MayBeMissing()
  @IsInstant()
  to?: string;
}
