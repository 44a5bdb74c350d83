import { IsInt, Max, Min } from 'class-validator';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

/** How long and how often the products of an order may try. */
export class OrderTerms {
  /** How often a product may try; default 3, or as the settings of commands say. */
  @MayBeMissing()
  @IsInt()
  @Min(1)
  @Max(10)
  tries?: number;

  /** Minutes between two tries. */
  @MayBeMissing()
  @IsInt()
  @Min(0)
  @Max(10_080)
  retryMinutes?: number;

  /** Hours from the moment at which a product is told; default 24, or until a maintenance window has been open once. */
  @MayBeMissing()
  @IsInt()
  @Min(1)
  @Max(720)
  expiresInHours?: number;
}
