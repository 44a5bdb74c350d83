import { Injectable } from '@nestjs/common';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';
import { ArrayMaxSize, IsArray, IsBoolean, IsInt, IsString, Max, Min, ValidateBy } from 'class-validator';
import ipaddr from 'ipaddr.js';
import { SettingStore } from '../../database/setting-store.js';
import { Clock } from '../../platform/clock/clock.js';

/** How managed products enrol and report. */
export class AgentsSetting {
  /** How often a product asks when its group says nothing else; 30 s to 24 h. */
  @IsInt()
  @Min(30)
  @Max(86_400)
  pollIntervalSeconds: number;

  /** false: products that enrol themselves wait for an administrator. */
  @IsBoolean()
  autoApprove: boolean;

  /** A client certificate of a known authority enrols an unknown product. */
  @IsBoolean()
  enrolByCertificate: boolean;

  /**
   * A product that enrolled by a token and lost its own may enrol again by such a token. false: whoever holds a token that a fleet shares
   * can take no product's place; an administrator removes a product that lost its token, or gives it a new one. Absent: true.
   */
  @MayBeMissing()
  @IsBoolean()
  enrolAgain: boolean = true;

  /** Networks (CIDR) to which wake-up calls may go. Loopback and link-local addresses only when they are named here. */
  @IsArray()
  @ArrayMaxSize(100)
  @IsString({ each: true })
  @ValidateBy(
    {
      name: 'network',
      validator: {
        validate: (text) => typeof text === 'string' && ipaddr.isValidCIDR(text),
        defaultMessage: () => 'wakeUpNetworks must be networks such as 10.0.0.0/8',
      },
    },
    { each: true },
  )
  wakeUpNetworks: string[];
}

export const AGENTS_DEFAULT: AgentsSetting = {
  pollIntervalSeconds: 900,
  autoApprove: true,
  enrolByCertificate: true,
  enrolAgain: true,
  wakeUpNetworks: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

@Injectable()
export class AgentSettings {
  constructor(
    private readonly store: SettingStore,
    private readonly clock: Clock,
  ) {}

  async get(): Promise<AgentsSetting> {
    return { ...AGENTS_DEFAULT, ...(await this.store.get<Partial<AgentsSetting>>('agents', {})) };
  }

  async put(value: AgentsSetting, actor: string): Promise<void> {
    await this.store.put('agents', value, actor, this.clock.now());
  }
}
