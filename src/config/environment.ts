import { plainToInstance, Transform } from 'class-transformer';
import {
  IsIn,
  IsInt,
  IsOptional,
  IsUrl,
  Matches,
  Max,
  Min,
  MinLength,
  Validate,
  ValidateIf,
  validateSync,
} from 'class-validator';
import { IsNetworks } from './network-list.js';
import { IsAddress, IsBaseFolder, IsDatabaseAddress, IsWithoutLogin } from './source-address.js';

const blankIsUnset = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && value.trim() === '' ? undefined : value;

/** `8080`, `0` (any free port) or `off`. Anything else stays as it is, so that validation can name it. */
const port = ({ value }: { value: unknown }): unknown => {
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const text = value.trim().toLowerCase();
  if (text === 'off') return 'off';
  return /^\d+$/.test(text) ? Number(text) : value;
};

const trimmed = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : blankIsUnset({ value });

const whole = ({ value }: { value: unknown }): unknown =>
  typeof value === 'string' && /^\d+$/.test(value.trim()) ? Number(value) : blankIsUnset({ value });

const URL_OPTIONS = { require_tld: false, require_protocol: true } as const;
const isNumberPort = (name: 'HAISHIN_HTTP_PORT' | 'HAISHIN_HTTPS_PORT') => (env: Environment) => env[name] !== 'off';

/** One text for all checks of a value, so that it is said once. */
const PORT = { message: '$property must be a port number up to 65535, 0 for any free one, or off' };
const WORKERS = { message: '$property must be a whole number from 0 to 64' };

/** What a request can bring as a bearer token. */
export const TOKEN = /^[\x21-\x7e]{8,512}$/;
export const TOKEN_RULE = 'must have 8 to 512 ASCII characters without spaces';

/** Headers that clients send, or that have a meaning here already, are no place for a name that is believed. */
const OF_ITS_OWN =
  /^(?!(?:authorization|host|cookie|connection|te|upgrade|expect|date|prefer|range|origin|referer|via|forwarded|last-event-id|idempotency-key|user-agent)$|(?:accept|content|if|transfer|proxy|keep|sec|x-forwarded|x-haishin)(?:-|$))/i;

/** The environment as it is read: names, forms and limits. The meaning of each is in README.md. */
export class Environment {
  @IsOptional()
  @Transform(blankIsUnset)
  @MinLength(1)
  HAISHIN_DATA_DIR?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  @Validate(IsDatabaseAddress)
  DATABASE_URL?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  @Matches(/^[0-9a-zA-Z.:_-]+$/, { message: 'HAISHIN_HOST must be an address or a host name' })
  HAISHIN_HOST?: string;

  @ValidateIf(isNumberPort('HAISHIN_HTTP_PORT'))
  @IsOptional()
  @Transform(port)
  @IsInt(PORT)
  @Min(0, PORT)
  @Max(65535, PORT)
  HAISHIN_HTTP_PORT?: number | 'off';

  @ValidateIf(isNumberPort('HAISHIN_HTTPS_PORT'))
  @IsOptional()
  @Transform(port)
  @IsInt(PORT)
  @Min(0, PORT)
  @Max(65535, PORT)
  HAISHIN_HTTPS_PORT?: number | 'off';

  @IsOptional()
  @Transform(blankIsUnset)
  HAISHIN_TLS_CERT?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  HAISHIN_TLS_KEY?: string;

  /** PEM file: certificates that it issued identify managed products. */
  @IsOptional()
  @Transform(blankIsUnset)
  HAISHIN_CLIENT_CA?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  @Matches(/^(https?:\/\/[^\s/]+|file:\/\/\/|\/)\S*$/, {
    message: 'HAISHIN_UPSTREAM_URL must be an http:, https: or file: URL, or an absolute directory',
  })
  @Validate(IsAddress)
  @Validate(IsBaseFolder)
  @Validate(IsWithoutLogin)
  HAISHIN_UPSTREAM_URL?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  @IsUrl(
    { ...URL_OPTIONS, protocols: ['http', 'https'] },
    { message: 'HAISHIN_PROXY_URL must be an http: or https: URL' },
  )
  HAISHIN_PROXY_URL?: string;

  @IsOptional()
  @Transform(trimmed)
  @Matches(TOKEN, { message: `HAISHIN_BOOTSTRAP_TOKEN ${TOKEN_RULE}` })
  HAISHIN_BOOTSTRAP_TOKEN?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  HAISHIN_BOOTSTRAP_TOKEN_FILE?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  @IsUrl(
    { ...URL_OPTIONS, protocols: ['http', 'https'] },
    { message: 'HAISHIN_PUBLIC_URL must be an http: or https: URL' },
  )
  HAISHIN_PUBLIC_URL?: string;

  @IsOptional()
  @Transform(blankIsUnset)
  @IsIn(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  HAISHIN_LOG_LEVEL?: string;

  @IsOptional()
  @Transform(whole)
  @IsInt(WORKERS)
  @Min(0, WORKERS)
  @Max(64, WORKERS)
  HAISHIN_WORKERS?: number;

  @IsOptional()
  @Transform(blankIsUnset)
  @Validate(IsNetworks)
  HAISHIN_TRUSTED_PROXIES?: string;

  /** Header in which those proxies tell the CN of a client certificate that they verified. */
  @IsOptional()
  @Transform(trimmed)
  @Matches(/^[a-z0-9-]{1,100}$/i, {
    message: 'HAISHIN_CLIENT_CERT_HEADER must be the name of a header: letters, digits and hyphens',
  })
  @Matches(OF_ITS_OWN, {
    message:
      'HAISHIN_CLIENT_CERT_HEADER must be a header of its own, such as X-Client-CN: this one means something else',
  })
  HAISHIN_CLIENT_CERT_HEADER?: string;
}

/** Reads and checks; returns every fault, not only the first. */
export function readEnvironment(variables: Record<string, string | undefined>): { env: Environment; faults: string[] } {
  const known = Object.fromEntries(
    Object.entries(variables).filter(([name]) => name.startsWith('HAISHIN_') || name === 'DATABASE_URL'),
  );
  const env = plainToInstance(Environment, known);
  const faults = validateSync(env).flatMap((fault) => [...new Set(Object.values(fault.constraints ?? {}))]);
  if (Boolean(env.HAISHIN_TLS_CERT) !== Boolean(env.HAISHIN_TLS_KEY))
    faults.push('HAISHIN_TLS_CERT and HAISHIN_TLS_KEY must be given together');
  if (env.HAISHIN_BOOTSTRAP_TOKEN && env.HAISHIN_BOOTSTRAP_TOKEN_FILE)
    faults.push('HAISHIN_BOOTSTRAP_TOKEN and HAISHIN_BOOTSTRAP_TOKEN_FILE must not both be given');
  if (env.HAISHIN_HTTP_PORT === 'off' && env.HAISHIN_HTTPS_PORT === 'off')
    faults.push('HAISHIN_HTTP_PORT and HAISHIN_HTTPS_PORT must not both be off');
  if (env.HAISHIN_CLIENT_CA && env.HAISHIN_HTTPS_PORT === 'off')
    faults.push(
      'HAISHIN_CLIENT_CA has no use while HAISHIN_HTTPS_PORT is off, as no client could show a certificate: unset it, or turn HTTPS on; where a proxy checks certificates, it is the proxy that needs the authorities',
    );
  if (env.HAISHIN_CLIENT_CERT_HEADER && !env.HAISHIN_TRUSTED_PROXIES)
    faults.push(
      'HAISHIN_CLIENT_CERT_HEADER has no use without HAISHIN_TRUSTED_PROXIES: the header is believed of those addresses only',
    );
  return { env, faults };
}
