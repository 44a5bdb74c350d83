import 'reflect-metadata';
import { existsSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'dotenv';
import { AppError } from '../platform/errors/app-error.js';
import { fieldFault } from '../platform/texts/field-faults.js';
import { readEnvironment, TOKEN, TOKEN_RULE, type Environment } from './environment.js';
import { listedIn } from './network-list.js';

/** What the administrator decided by the environment. Paths are absolute; ports are numbers or `off`. */
export interface Config {
  dataDir: string;
  /** Unset: the embedded PostgreSQL in the data directory. */
  databaseUrl: string | undefined;
  host: string;
  httpPort: number | 'off';
  httpsPort: number | 'off';
  tlsCertFile: string | undefined;
  tlsKeyFile: string | undefined;
  /** PEM with the authorities of client certificates; unset: none are asked for. */
  clientCaFile: string | undefined;
  /** First value of the update source; later the database decides. */
  upstreamUrl: string;
  proxyUrl: string | undefined;
  bootstrapToken: string | undefined;
  publicUrl: string | undefined;
  logLevel: string;
  /** Content processes besides the main one; 0 = the main process serves all. */
  workers: number;
  trustedProxies: string[];
  /** Header in which a trusted proxy tells the CN of a client certificate that it verified; unset: none is believed. */
  clientCertHeader: string | undefined;
}

/** The vendor's ActiveUpdate server for the products of the source article; public knowledge. */
export const VENDOR_UPSTREAM_URL = 'https://imss91-p.activeupdate.trendmicro.co.jp/activeupdate';

/** The only place that looks at the process's environment. */
export function processEnvironment(): Record<string, string | undefined> {
  return process.env;
}

function withDotEnv(variables: Record<string, string | undefined>): Record<string, string | undefined> {
  try {
    const file = parse(readFileSync('.env'));
    // pg takes it from the environment itself, wherever a connection is made.
    if (file['PGPASSWORD'] !== undefined) process.env['PGPASSWORD'] ??= file['PGPASSWORD'];
    return { ...file, ...variables };
  } catch (fault) {
    if ((fault as NodeJS.ErrnoException).code === 'ENOENT') return variables;
    throw new AppError('bad-input', 'config-unreadable', { cause: fault });
  }
}

/** What the environment and `.env` set; blank is not set. */
export function givenVariables(): Record<string, string | undefined> {
  const variables = withDotEnv(processEnvironment());
  return Object.fromEntries(Object.entries(variables).filter(([, value]) => Boolean(value?.trim())));
}

const VARIABLES: Readonly<Record<keyof Config, keyof Environment>> = {
  dataDir: 'HAISHIN_DATA_DIR',
  databaseUrl: 'DATABASE_URL',
  host: 'HAISHIN_HOST',
  httpPort: 'HAISHIN_HTTP_PORT',
  httpsPort: 'HAISHIN_HTTPS_PORT',
  tlsCertFile: 'HAISHIN_TLS_CERT',
  tlsKeyFile: 'HAISHIN_TLS_KEY',
  clientCaFile: 'HAISHIN_CLIENT_CA',
  upstreamUrl: 'HAISHIN_UPSTREAM_URL',
  proxyUrl: 'HAISHIN_PROXY_URL',
  bootstrapToken: 'HAISHIN_BOOTSTRAP_TOKEN',
  publicUrl: 'HAISHIN_PUBLIC_URL',
  logLevel: 'HAISHIN_LOG_LEVEL',
  workers: 'HAISHIN_WORKERS',
  trustedProxies: 'HAISHIN_TRUSTED_PROXIES',
  clientCertHeader: 'HAISHIN_CLIENT_CERT_HEADER',
};

/** What only commands read, and what is of the agent, which may run on the same host. */
const READ_ELSEWHERE = /^HAISHIN_(?:URL|TOKEN|BOOTSTRAP_TOKEN_FILE|AGENT_\w+)$/;

/** Names that look like ours and mean nothing: most likely misspelt, so that something else than was meant is in force. */
export function unknownVariables(): string[] {
  const known = new Set<string>(Object.values(VARIABLES));
  return Object.keys(givenVariables()).filter(
    (name) => name.startsWith('HAISHIN_') && !known.has(name) && !READ_ELSEWHERE.test(name),
  );
}

/** As the environment would say it: what the command line gives has the same limits. */
function asVariables(overrides: Partial<Config>): Record<string, string> {
  const given = Object.entries(overrides).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [VARIABLES[name as keyof Config], String(value)]));
}

/**
 * Reads the configuration. Overrides go before variables.
 * @throws AppError `config-invalid` with all faults in `details.faults`.
 */
export function loadConfig(
  overrides: Partial<Config> = {},
  variables: Record<string, string | undefined> = withDotEnv(processEnvironment()),
): Config {
  const { env, faults } = readEnvironment({ ...variables, ...asVariables(overrides) });
  let bootstrapToken = env.HAISHIN_BOOTSTRAP_TOKEN;
  if (env.HAISHIN_BOOTSTRAP_TOKEN_FILE) {
    try {
      bootstrapToken = readFileSync(env.HAISHIN_BOOTSTRAP_TOKEN_FILE, 'utf8').trim();
    } catch {
      faults.push(`HAISHIN_BOOTSTRAP_TOKEN_FILE cannot be read: ${env.HAISHIN_BOOTSTRAP_TOKEN_FILE}`);
    }
    if (bootstrapToken !== undefined && !TOKEN.test(bootstrapToken))
      faults.push(`HAISHIN_BOOTSTRAP_TOKEN_FILE: what it holds ${TOKEN_RULE}`);
  }
  const config: Config = {
    dataDir: env.HAISHIN_DATA_DIR ?? './data',
    databaseUrl: env.DATABASE_URL,
    host: env.HAISHIN_HOST ?? '0.0.0.0',
    httpPort: env.HAISHIN_HTTP_PORT ?? 8080,
    httpsPort: env.HAISHIN_HTTPS_PORT ?? 8443,
    tlsCertFile: env.HAISHIN_TLS_CERT,
    tlsKeyFile: env.HAISHIN_TLS_KEY,
    clientCaFile: env.HAISHIN_CLIENT_CA,
    upstreamUrl: env.HAISHIN_UPSTREAM_URL ?? VENDOR_UPSTREAM_URL,
    proxyUrl: env.HAISHIN_PROXY_URL,
    bootstrapToken,
    publicUrl: env.HAISHIN_PUBLIC_URL,
    logLevel: env.HAISHIN_LOG_LEVEL ?? 'info',
    workers: env.HAISHIN_WORKERS ?? 0,
    trustedProxies: listedIn(env.HAISHIN_TRUSTED_PROXIES ?? ''),
    clientCertHeader: env.HAISHIN_CLIENT_CERT_HEADER,
  };
  config.dataDir = resolve(config.dataDir);
  if (isOfKernel(config.dataDir))
    faults.push(`HAISHIN_DATA_DIR must be on a disk: nothing can be stored in ${config.dataDir}`);
  else if (!mayBeDirectory(config.dataDir))
    faults.push(`HAISHIN_DATA_DIR must be a directory, ${config.dataDir} is none`);
  if (faults.length > 0)
    throw new AppError('bad-input', 'config-invalid', {
      values: { count: faults.length },
      details: (language) => ({ faults: faults.map((each) => fieldFault(each)[language]) }),
    });
  return config;
}

/** False when something else stands there, or in its way. What cannot be looked at is found out by whoever uses it. */
function mayBeDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (fault) {
    return (fault as NodeJS.ErrnoException).code !== 'ENOTDIR';
  }
}

/** `/proc` and `/sys`, as `statfs` names them. */
const KERNEL_FILE_SYSTEMS = [0x9fa0, 0x62656572];

/** Making a directory in `/proc` fails as if its parent were missing: whoever makes the parent first tries for ever. */
function isOfKernel(path: string): boolean {
  let existing = path;
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing);
  try {
    return KERNEL_FILE_SYSTEMS.includes(statfsSync(existing).type);
  } catch {
    return false;
  }
}

/** The token by which the configuration is injected. */
export const CONFIG = Symbol('config');
