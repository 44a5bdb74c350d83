import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { AgentError, systemCode } from '../errors/agent-error.js';
import { machineId } from '../files/process-identity.js';
import { type AgentConfig, ConfigReader, type RawConfig, isRecord } from './agent-config.js';

export const DEFAULT_CONFIG_FILE = '/etc/haishin-agent.json';

/** What the command line may say; wins over the environment, which wins over the file. */
export interface ConfigFlags {
  readonly config?: string;
  readonly server?: string;
  readonly tenant?: string;
  readonly controllerId?: string;
  readonly targetTokenFile?: string;
  readonly gatewayTokenFile?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  readonly productDir?: string;
  readonly stateDir?: string;
  readonly updateSource?: string;
  readonly longPoll?: boolean;
}

const ENVIRONMENT: Readonly<Record<string, string>> = {
  server: 'HAISHIN_AGENT_SERVER',
  tenant: 'HAISHIN_AGENT_TENANT',
  controllerId: 'HAISHIN_AGENT_CONTROLLER_ID',
  targetToken: 'HAISHIN_AGENT_TARGET_TOKEN',
  gatewayToken: 'HAISHIN_AGENT_GATEWAY_TOKEN',
  productDirectory: 'HAISHIN_AGENT_PRODUCT_DIR',
  stateDirectory: 'HAISHIN_AGENT_STATE_DIR',
};

/**
 * The agent's configuration from flags, environment and file; the only reader of the environment.
 * @throws AgentError configuration/configuration-invalid with every fault in its text.
 */
export function loadConfig(flags: ConfigFlags, environment: NodeJS.ProcessEnv): AgentConfig {
  const file = readConfigFile(flags.config ?? environment['HAISHIN_AGENT_CONFIG']);
  const fromEnvironment = pick(ENVIRONMENT, environment);
  const raw: RawConfig = { ...file, ...fromEnvironment, ...withoutGaps(flagValues(flags)) };
  const reader = new ConfigReader(raw);
  const tls = reader.section('tls');
  const polling = reader.section('polling');
  const hooks = reader.section('hooks');
  const schedule = reader.section('schedule');
  const source = reader.section('updateSource');
  const product = reader.section('product');
  const transfer = reader.section('transfer');
  const config: AgentConfig = {
    server: reader.url('server'),
    tenant: reader.text('tenant') ?? 'DEFAULT',
    controllerId: reader.text('controllerId') ?? defaultControllerId(),
    targetToken: reader.text('targetToken') ?? secret(reader, 'targetTokenFile'),
    gatewayToken: reader.text('gatewayToken') ?? secret(reader, 'gatewayTokenFile'),
    tls: {
      caFile: flags.caFile ?? tls.text('caFile'),
      certFile: flags.certFile ?? tls.text('certFile'),
      keyFile: flags.keyFile ?? tls.text('keyFile'),
    },
    product: { name: product.text('name') ?? 'unnamed product', version: product.text('version') ?? '0' },
    productDirectory: resolve(reader.text('productDirectory') ?? '/var/lib/haishin-agent/product'),
    stateDirectory: resolve(reader.text('stateDirectory') ?? '/var/lib/haishin-agent'),
    hooks: {
      scanService: hooks.hook('scanService'),
      policyService: hooks.hook('policyService'),
      licence: hooks.hook('licence'),
      timeoutSeconds: hooks.seconds('timeoutSeconds', 120, 0.1, 3600),
    },
    polling: {
      intervalSeconds: polling.seconds('intervalSeconds', 900, 0.05, 86_400),
      longPoll: flags.longPoll ?? polling.flag('longPoll', true),
      waitSeconds: polling.seconds('waitSeconds', 55, 1, 600),
      cancelCheckSeconds: polling.seconds('cancelCheckSeconds', 10, 0.02, 3600),
      retryBaseSeconds: polling.seconds('retryBaseSeconds', 2, 0.01, 3600),
    },
    schedule: {
      enabled: schedule.flag('enabled', true),
      intervalSeconds: schedule.seconds('intervalSeconds', 900, 0.1, 86_400 * 7),
      pushHoldSeconds: schedule.seconds('pushHoldSeconds', 86_400, 0, 86_400 * 365),
    },
    updateSource: { url: flags.updateSource ?? source.url('url'), entries: source.entries('entries') },
    confirmation: { auto: reader.section('confirmation').flag('auto', true) },
    installWindow: reader.window('installWindow'),
    transfer: {
      tries: transfer.seconds('tries', 5, 1, 100),
      idleTimeoutSeconds: transfer.seconds('idleTimeoutSeconds', 60, 0.1, 3600),
    },
    logLevel: reader.oneOf('logLevel', ['debug', 'info', 'warn', 'error'] as const, 'info'),
  };
  const faults = [...reader.faults, ...contradictions(config)];
  if (faults.length === 0) return config;
  throw new AgentError('configuration', 'configuration-invalid', `the configuration has faults: ${faults.join('; ')}`);
}

function contradictions(config: AgentConfig): string[] {
  const faults: string[] = [];
  if (config.server === null && config.updateSource.url === null) {
    faults.push('neither server nor updateSource.url is set: there is nothing to take updates from');
  }
  if ((config.tls.certFile === null) !== (config.tls.keyFile === null)) {
    faults.push('tls.certFile and tls.keyFile must be set together');
  }
  return faults;
}

function flagValues(flags: ConfigFlags): RawConfig {
  return {
    server: flags.server,
    tenant: flags.tenant,
    controllerId: flags.controllerId,
    targetTokenFile: flags.targetTokenFile,
    gatewayTokenFile: flags.gatewayTokenFile,
    productDirectory: flags.productDir,
    stateDirectory: flags.stateDir,
  };
}

function readConfigFile(named: string | undefined): RawConfig {
  const path = named ?? DEFAULT_CONFIG_FILE;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (named === undefined && systemCode(error) === 'ENOENT') return {};
    throw new AgentError('configuration', 'configuration-unreadable', `cannot read ${path}`, undefined, error);
  }
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value)) return value;
  } catch (error) {
    throw new AgentError('configuration', 'configuration-invalid', `${path} is not JSON: ${String(error)}`);
  }
  throw new AgentError('configuration', 'configuration-invalid', `${path} must hold one JSON object`);
}

function secret(reader: ConfigReader, key: string): string | null {
  const path = reader.text(key);
  if (path === null) return null;
  try {
    const value = readFileSync(path, 'utf8').trim();
    if (value !== '') return value;
    reader.faults.push(`${key}: ${path} is empty`);
  } catch {
    reader.faults.push(`${key}: cannot read ${path}`);
  }
  return null;
}

/** The host name says which machine it is; the machine's id keeps two equal host names apart. */
function defaultControllerId(): string {
  return `${hostname()}-${machineId().slice(0, 8)}`;
}

function pick(names: Readonly<Record<string, string>>, environment: NodeJS.ProcessEnv): RawConfig {
  return withoutGaps(Object.fromEntries(Object.entries(names).map(([key, name]) => [key, environment[name]])));
}

function withoutGaps(values: RawConfig): RawConfig {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined && value !== ''));
}
