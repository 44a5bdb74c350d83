import { Injectable } from '@nestjs/common';
import { IsInt, Max, Min } from 'class-validator';
import { SettingStore } from '../../database/setting-store.js';
import { Clock } from '../../platform/clock/clock.js';

/** How orders are kept alive, and for how long they are remembered. */
export class CommandsSetting {
  /** An order that no product has ended after this long expires: 24, 48, 72. */
  @IsInt()
  @Min(1)
  @Max(24 * 30)
  expiryHours: number;

  /** How often a product may try before it counts as failed. */
  @IsInt()
  @Min(1)
  @Max(10)
  tries: number;

  @IsInt()
  @Min(0)
  @Max(10_080)
  retryMinutes: number;

  /** Without progress for this long a product is marked as slow; it may still succeed. */
  @IsInt()
  @Min(1)
  @Max(10_080)
  slowMinutes: number;

  /** Commands of earlier months, with all their targets and messages, are removed. */
  @IsInt()
  @Min(1)
  @Max(120)
  retentionMonths: number;
}

export const COMMANDS_DEFAULT: CommandsSetting = {
  expiryHours: 24,
  tries: 3,
  retryMinutes: 30,
  slowMinutes: 120,
  retentionMonths: 13,
};

@Injectable()
export class CommandSettings {
  constructor(
    private readonly store: SettingStore,
    private readonly clock: Clock,
  ) {}

  async get(): Promise<CommandsSetting> {
    return { ...COMMANDS_DEFAULT, ...(await this.store.get<Partial<CommandsSetting>>('commands', {})) };
  }

  async put(value: CommandsSetting, actor: string): Promise<void> {
    await this.store.put('commands', value, actor, this.clock.now());
  }
}
