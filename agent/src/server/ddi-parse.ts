import { isRecord } from '../config/agent-config.js';
import { AgentError } from '../errors/agent-error.js';
import type { Artifact, CancelAction, Chunk, CommandBase, DeploymentBase, Handling } from './ddi-messages.js';

const MAX_CHUNKS = 100;
const MAX_ARTIFACTS = 200;
const HANDLINGS: readonly Handling[] = ['skip', 'attempt', 'forced'];

/** Checks the shape of a deployment. @throws AgentError server/message-malformed */
export function parseDeployment(value: unknown): DeploymentBase {
  const deployment = isRecord(value) ? value['deployment'] : undefined;
  if (!isRecord(value) || !isRecord(deployment)) throw malformed('deploymentBase');
  const chunks = list(deployment['chunks'], MAX_CHUNKS, 'chunks').map(parseChunk);
  const window = deployment['maintenanceWindow'];
  return {
    id: identifier(value['id'], 'deploymentBase'),
    deployment: {
      download: handling(deployment['download']),
      update: handling(deployment['update']),
      ...(window === 'available' || window === 'unavailable' ? { maintenanceWindow: window } : {}),
      chunks,
    },
  };
}

/** @throws AgentError server/message-malformed */
export function parseCancel(value: unknown): CancelAction {
  const action = isRecord(value) ? value['cancelAction'] : undefined;
  if (!isRecord(value) || !isRecord(action)) throw malformed('cancelAction');
  return {
    id: identifier(value['id'], 'cancelAction'),
    cancelAction: { stopId: identifier(action['stopId'], 'cancelAction') },
  };
}

/** @throws AgentError server/message-malformed */
export function parseCommand(value: unknown): CommandBase {
  const command = isRecord(value) ? value['command'] : undefined;
  if (!isRecord(value) || !isRecord(command) || typeof command['type'] !== 'string') throw malformed('command');
  const parameters = isRecord(command['parameters']) ? command['parameters'] : {};
  return { id: identifier(value['id'], 'command'), command: { type: command['type'], parameters } };
}

function parseChunk(value: unknown): Chunk {
  if (!isRecord(value) || typeof value['part'] !== 'string' || typeof value['version'] !== 'string') {
    throw malformed('chunk');
  }
  const metadata = Array.isArray(value['metadata']) ? (value['metadata'] as unknown[]) : [];
  return {
    part: value['part'],
    version: value['version'],
    artifacts: list(value['artifacts'], MAX_ARTIFACTS, 'artifacts').map(parseArtifact),
    metadata: metadata.flatMap((entry) =>
      isRecord(entry) && typeof entry['key'] === 'string' && typeof entry['value'] === 'string'
        ? [{ key: entry['key'], value: entry['value'] }]
        : [],
    ),
  };
}

function parseArtifact(value: unknown): Artifact {
  const links = isRecord(value) ? value['_links'] : undefined;
  if (!isRecord(value) || !isRecord(links) || typeof value['filename'] !== 'string') throw malformed('artifact');
  const size = value['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw malformed('artifact size');
  const hashes = isRecord(value['hashes']) ? value['hashes'] : {};
  const sha256 = typeof hashes['sha256'] === 'string' ? hashes['sha256'].toLowerCase() : '';
  const [secure, plain] = [href(links['download']), href(links['download-http'])];
  return {
    filename: value['filename'],
    size,
    hashes: /^[0-9a-f]{64}$/.test(sha256) ? { sha256 } : {},
    _links: {
      ...(secure === null ? {} : { download: { href: secure } }),
      ...(plain === null ? {} : { 'download-http': { href: plain } }),
    },
  };
}

function href(link: unknown): string | null {
  return isRecord(link) && typeof link['href'] === 'string' ? link['href'] : null;
}

function list(value: unknown, most: number, what: string): unknown[] {
  if (Array.isArray(value) && value.length <= most) return value as unknown[];
  throw malformed(what);
}

function handling(value: unknown): Handling {
  return HANDLINGS.find((known) => known === value) ?? 'attempt';
}

/** Ids are texts; some servers write them as numbers. */
function identifier(value: unknown, what: string): string {
  if (typeof value === 'number') return String(value);
  if (typeof value === 'string' && value !== '' && value.length <= 200) return value;
  throw malformed(`${what} id`);
}

function malformed(what: string): AgentError {
  return new AgentError('server', 'message-malformed', `the server's ${what} has not the agreed shape`);
}
