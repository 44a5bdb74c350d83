import { ArrayMaxSize, IsArray, IsBoolean, IsString, MaxLength, MinLength } from 'class-validator';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';
import type { FleetSelection } from './fleet.types.js';

const MOST_AGENTS = 100_000;

/** To whom an order goes: the union of what is named. */
export class FleetSelectionBody implements FleetSelection {
  /** Controller ids. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(MOST_AGENTS)
  @IsString({ each: true })
  @MinLength(1, { each: true })
  @MaxLength(200, { each: true })
  agents?: string[];

  /** Ids of groups; their subgroups are included. */
  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(10_000)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  groups?: string[];

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  tags?: string[];

  @MayBeMissing()
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  @MaxLength(200, { each: true })
  productTypes?: string[];

  @MayBeMissing()
  @IsBoolean()
  all?: boolean;
}
