import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  Validate,
  ValidateNested,
  ValidatorConstraint,
  type ValidatorConstraintInterface,
} from 'class-validator';
import { IsAddress, IsBaseFolder, IsWithoutLogin } from '../../config/source-address.js';
import { CHANNELS, type Channel } from '../snapshot/channel.js';
import { MayBeMissing } from '../../platform/http/may-be-missing.js';

const SOURCE_ADDRESS = /^(https?:\/\/[^\s/]+(\/\S*)?|file:\/\/\/\S*|\/\S*)$/;

const HOST = /^([a-z0-9_]([a-z0-9._-]*[a-z0-9])?|\[[0-9a-f:.]+\])(:\d{1,5})?$/i;

@ValidatorConstraint({ name: 'host' })
class IsHost implements ValidatorConstraintInterface {
  validate(host: unknown): boolean {
    return typeof host === 'string' && HOST.test(host) && URL.canParse(`http://${host}`);
  }

  defaultMessage(): string {
    return 'allowRedirectHosts must be hosts, as host or host:port, without http:// and without a path';
  }
}

/** One place to mirror from. */
export class SourceSetting {
  /** `http:`, `https:` or `file:` URL, or an absolute directory; without credentials. */
  @IsString()
  @MaxLength(2000)
  @Matches(SOURCE_ADDRESS, {
    message: 'url must be an http:, https: or file: URL, or an absolute directory',
  })
  @Validate(IsAddress)
  @Validate(IsBaseFolder)
  @Validate(IsWithoutLogin)
  url: string;
}

export class SelectionSetting {
  /** `all`: every entry of the manifest; `catalogue`: what components claim; `selected`: the named components only. */
  @IsIn(['all', 'catalogue', 'selected'])
  mode: 'all' | 'catalogue' | 'selected';

  /** Component ids for `selected`. */
  @IsArray()
  @ArrayMaxSize(1000)
  @IsString({ each: true })
  components: string[];
}

/** Where components come from, and how. */
export class UpdateSourceSetting {
  /** Asked in this order: the next one when the one before cannot be used, and for files that it cannot deliver, if it says the same of them. */
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10)
  @ValidateNested({ each: true })
  @Type(() => SourceSetting)
  sources: SourceSetting[];

  /** The upstream's own Japan tree; empty: the japan channel is derived from the global one. */
  @IsArray()
  @ArrayMaxSize(10)
  @ValidateNested({ each: true })
  @Type(() => SourceSetting)
  japanSources: SourceSetting[];

  @IsObject()
  @ValidateNested()
  @Type(() => SelectionSetting)
  selection: SelectionSetting;

  /** PEM file on the server with certificates to trust besides the system's. */
  @IsOptional()
  @IsString()
  @MaxLength(4096)
  @Matches(/^\//, { message: 'caFile must be an absolute path on the server' })
  caFile: string | null;

  /** false accepts any certificate of the upstream: an attacker on the way could then change what is mirrored. */
  @IsBoolean()
  tlsVerify: boolean;

  /** Hosts (`host` or `host:port`) to which redirects may lead, besides the source's own. */
  @IsArray()
  @ArrayMaxSize(50)
  @Validate(IsHost, { each: true })
  allowRedirectHosts: string[];

  /** Files fetched at the same time. */
  @IsInt()
  @Min(1)
  @Max(32)
  parallel: number;

  /** Shared by all transfers; 0 = no limit. */
  @IsInt()
  @Min(0)
  bandwidthBytesPerSecond: number;
}

/** The channels that are read from sources; without any of its own the japan channel is derived from the global one. */
export function channelsRead({ japanSources }: Pick<UpdateSourceSetting, 'japanSources'>): Channel[] {
  return japanSources.length > 0 ? [...CHANNELS] : ['global'];
}

/** The proxy between us and the upstream. */
export class ProxySetting {
  @IsBoolean()
  enabled: boolean;

  /** `http://host:port`. */
  @IsOptional()
  @IsString()
  @MaxLength(2000)
  @Matches(/^https?:\/\/[^\s/@]+\/?$/, {
    message: 'url must be http://host:port or https://host:port; the login goes into username and password',
  })
  @Validate(IsAddress)
  url: string | null;

  @IsOptional()
  @IsString()
  @MaxLength(255)
  username: string | null;

  /** Shown masked; the mask sent back means that it stays as it is, which it can with the same url and username only. */
  @IsOptional()
  @IsString()
  @MaxLength(255)
  password: string | null;
}

export class RetentionSetting {
  /** Releases kept of every component and variant. */
  @IsInt()
  @Min(1)
  @Max(1000)
  keepVersions: number;

  /** Snapshots kept at least. */
  @IsInt()
  @Min(2)
  @Max(1000)
  keepSnapshots: number;

  /** Everything younger is kept: paths of earlier snapshots stay reachable for so long. */
  @IsInt()
  @Min(1)
  @Max(24 * 365)
  graceHours: number;
}

/** What is published how. */
export class DistributionSetting {
  /** What `/TvcsDownload/ActiveUpdate` serves. */
  @IsIn(CHANNELS)
  defaultChannel: Channel;

  @IsObject()
  @ValidateNested()
  @Type(() => RetentionSetting)
  retention: RetentionSetting;

  /** Largest file that may be uploaded, in bytes. */
  @MayBeMissing()
  @IsInt()
  @Min(1)
  @Max(64 * 1024 ** 3)
  maxUploadBytes: number;
}

export const DISTRIBUTION_DEFAULT: DistributionSetting = {
  defaultChannel: 'japan',
  retention: { keepVersions: 7, keepSnapshots: 20, graceHours: 48 },
  maxUploadBytes: 2 * 1024 ** 3,
};

export function updateSourceDefault(url: string): UpdateSourceSetting {
  return {
    sources: [{ url }],
    japanSources: [],
    selection: { mode: 'all', components: [] },
    caFile: null,
    tlsVerify: true,
    allowRedirectHosts: [],
    parallel: 8,
    bandwidthBytesPerSecond: 0,
  };
}
