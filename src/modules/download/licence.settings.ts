import { Injectable } from '@nestjs/common';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsBoolean, IsOptional, IsString, MaxLength, ValidateNested } from 'class-validator';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { SettingStore } from '../../database/setting-store.js';
import { Clock } from '../../platform/clock/clock.js';
import { IsInstant } from '../../platform/http/instant.js';

export class LicenceSetting {
  /** `base`, `anti-spam`, or one that an administrator gave to a component. */
  @IsString()
  @MaxLength(64)
  name: string;

  @IsBoolean()
  active: boolean;

  /** ISO 8601; null = does not end. */
  @IsOptional()
  @IsInstant()
  expiresAt: string | null = null;
}

export class LicencesSetting {
  @IsArray()
  @ArrayMaxSize(100)
  @ValidateNested({ each: true })
  @Type(() => LicenceSetting)
  licences: LicenceSetting[];
}

const DEFAULT: LicencesSetting = {
  licences: [
    { name: 'base', active: true, expiresAt: null },
    { name: 'anti-spam', active: true, expiresAt: null },
  ],
};

export class Licences {
  constructor(private readonly setting: LicencesSetting) {}

  /** A licence that nobody entered counts as missing. */
  covers(component: Pick<Component, 'licence'>, now: Date): boolean {
    const licence = this.setting.licences.find((each) => each.name === component.licence);
    return licence !== undefined && licence.active && (licence.expiresAt === null || new Date(licence.expiresAt) > now);
  }
}

/** Which licences this site has: components without one are neither downloaded nor selectable. */
@Injectable()
export class LicenceSettings {
  constructor(
    private readonly store: SettingStore,
    private readonly clock: Clock,
  ) {}

  get(): Promise<LicencesSetting> {
    return this.store.get('licences', DEFAULT);
  }

  async put(value: LicencesSetting, actor: string): Promise<void> {
    await this.store.put('licences', value, actor, this.clock.now());
  }

  async read(): Promise<Licences> {
    return new Licences(await this.get());
  }
}
