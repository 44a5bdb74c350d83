import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentConfig } from '../config/agent-config.js';
import { FileLock } from '../files/file-lock.js';
import type { CrashPoint } from '../install/crash-point.js';
import { GenerationStore } from '../install/generation-store.js';
import { Installer } from '../install/installer.js';
import { JournalFile } from '../install/journal.js';
import { RestartHooks } from '../install/restart-hook.js';
import type { JsonLog } from '../logging/json-log.js';
import { Credentials } from '../server/credentials.js';
import { DdiClient } from '../server/ddi-client.js';
import { HttpAccess } from '../server/http-access.js';
import { StateStore } from '../state/state-store.js';
import { ArtifactDownload } from '../transfer/artifact-download.js';
import { recordOutcome } from '../update/order-report.js';
import { Outbox } from './outbox.js';

/** The server side of an agent; absent when it only follows its own schedule. */
export interface Uplink {
  readonly client: DdiClient;
  readonly outbox: Outbox;
}

/** Everything that one process of the agent works with. */
export interface Agent {
  readonly config: AgentConfig;
  readonly log: JsonLog;
  readonly state: StateStore;
  readonly http: HttpAccess;
  readonly uplink: Uplink | null;
  readonly generations: GenerationStore;
  readonly installer: Installer;
  readonly downloads: ArtifactDownload;
  readonly updateLock: FileLock;
  close(): Promise<void>;
}

/** @throws AgentError configuration/… when certificates cannot be read. */
export async function openAgent(config: AgentConfig, log: JsonLog, crash: CrashPoint): Promise<Agent> {
  await mkdir(config.stateDirectory, { recursive: true, mode: 0o755 });
  const http = new HttpAccess(config.tls);
  const state = new StateStore(config.stateDirectory);
  const generations = new GenerationStore(config.productDirectory, crash);
  const installer = new Installer({
    store: generations,
    journal: new JournalFile(config.stateDirectory),
    hooks: new RestartHooks(config.hooks),
    record: async (outcome) => {
      await state.update((current) => recordOutcome(current, outcome, new Date()));
    },
    crash,
  });
  const downloads = new ArtifactDownload(http, join(config.stateDirectory, 'downloads'), {
    tries: config.transfer.tries,
    idleTimeoutMs: config.transfer.idleTimeoutSeconds * 1000,
    retryBaseMs: config.polling.retryBaseSeconds * 1000,
  });
  const updateLock = new FileLock(join(config.stateDirectory, 'update.lock'), (explanation, path) =>
    log.warn('a stale lock was cleared', { path, explanation }),
  );
  const uplink = config.server === null ? null : await openUplink(config, config.server, http, state, log);
  return { config, log, state, http, uplink, generations, installer, downloads, updateLock, close: () => http.close() };
}

async function openUplink(
  config: AgentConfig,
  server: string,
  http: HttpAccess,
  state: StateStore,
  log: JsonLog,
): Promise<Uplink> {
  const credentials = new Credentials(config);
  await credentials.load();
  const client = new DdiClient(http, credentials, server, config.tenant, config.controllerId);
  return { client, outbox: new Outbox(state, client, log) };
}
