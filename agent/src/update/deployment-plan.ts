import { AgentError } from '../errors/agent-error.js';
import { safeComponent, safeFileName } from '../files/safe-name.js';
import type { GenerationStore } from '../install/generation-store.js';
import type { Service } from '../install/journal.js';
import type { Artifact, Chunk, DeploymentBase } from '../server/ddi-messages.js';

export interface PlannedFile {
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  readonly url: string;
}

export interface PlannedComponent {
  readonly component: string;
  readonly version: string;
  readonly files: readonly PlannedFile[];
  readonly services: readonly Service[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface DeploymentPlan {
  readonly wanted: readonly PlannedComponent[];
  /** One line per component that needs nothing. */
  readonly alreadyCurrent: readonly string[];
}

/**
 * What a deployment asks for, checked: usable names, one chunk per component, a SHA-256 for every file.
 * @param httpsOnly the server speaks HTTPS: plain links are never used then
 * @throws AgentError rejected/…
 */
export async function planDeployment(
  base: DeploymentBase,
  generations: GenerationStore,
  httpsOnly: boolean,
): Promise<DeploymentPlan> {
  const components = base.deployment.chunks.map((chunk) => planChunk(chunk, httpsOnly));
  if (components.length === 0)
    throw new AgentError('rejected', 'deployment-empty', 'the deployment names no component');
  const seen = new Set<string>();
  for (const { component } of components) {
    if (seen.has(component))
      throw new AgentError('rejected', 'component-twice', `${component} is in the deployment twice`);
    seen.add(component);
  }
  const wanted: PlannedComponent[] = [];
  const alreadyCurrent: string[] = [];
  for (const planned of components) {
    if (await isCurrent(planned, generations))
      alreadyCurrent.push(`${planned.component}: already current (${planned.version})`);
    else wanted.push(planned);
  }
  return { wanted, alreadyCurrent };
}

/** The services that have to restart: as the server says, else both for an engine and the scan service for the rest. */
export function servicesFor(component: string, metadata: Readonly<Record<string, string>>): Service[] {
  const told = metadata['restarts']?.split(',').map((word) => word.trim());
  if (told) return (['scan-service', 'policy-service'] as const).filter((service) => told.includes(service));
  const engine = metadata['kind'] === undefined ? component.endsWith('-engine') : metadata['kind'] === 'engine';
  return engine ? ['scan-service', 'policy-service'] : ['scan-service'];
}

function planChunk(chunk: Chunk, httpsOnly: boolean): PlannedComponent {
  const component = safeComponent(chunk.part);
  const metadata = Object.fromEntries((chunk.metadata ?? []).map(({ key, value }) => [key, value]));
  if (chunk.artifacts.length === 0)
    throw new AgentError('rejected', 'component-empty', `${component} comes without a file`);
  const files = chunk.artifacts.map((artifact) => planFile(artifact, httpsOnly));
  if (new Set(files.map((file) => file.name)).size !== files.length) {
    throw new AgentError('rejected', 'file-twice', `${component} has two files of one name`);
  }
  return { component, version: chunk.version, files, services: servicesFor(component, metadata), metadata };
}

function planFile(artifact: Artifact, httpsOnly: boolean): PlannedFile {
  const name = safeFileName(artifact.filename);
  const sha256 = artifact.hashes.sha256;
  if (sha256 === undefined) throw new AgentError('rejected', 'hash-missing', `${name} comes without a SHA-256`);
  const links = artifact._links;
  const candidates = [links.download?.href, links['download-http']?.href];
  const url = candidates.find((href) => href !== undefined && usable(href, httpsOnly));
  if (url === undefined) {
    const why = httpsOnly ? 'no HTTPS link, and HTTPS is never given up' : 'no link';
    throw new AgentError('rejected', 'link-missing', `${name} comes with ${why}`);
  }
  return { name, size: artifact.size, sha256, url };
}

function usable(href: string, httpsOnly: boolean): boolean {
  const protocol = URL.parse(href)?.protocol;
  return protocol === 'https:' || (protocol === 'http:' && !httpsOnly);
}

/** Current means the version and, file by file, the content. */
async function isCurrent(planned: PlannedComponent, generations: GenerationStore): Promise<boolean> {
  const installed = await generations.installed(planned.component);
  if (installed === null || installed.version !== planned.version) return false;
  return (
    installed.files.length === planned.files.length &&
    planned.files.every((file) => installed.files.some((one) => one.name === file.name && one.sha256 === file.sha256))
  );
}
