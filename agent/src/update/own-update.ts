import { randomUUID } from 'node:crypto';
import { AgentError, toAgentError } from '../errors/agent-error.js';
import { safeFileName } from '../files/safe-name.js';
import type { ReadyComponent } from '../install/installer.js';
import { announceUpdate } from '../server/inventory.js';
import type { Agent } from '../service/agent.js';
import { type Available, type OwnEvent, addEvent, componentState } from '../state/agent-state.js';
import { servicesFor } from './deployment-plan.js';
import { exclusively } from './exclusive.js';
import { type SourceEntry, UpdateSource, entryId } from './update-source.js';
import { isNewer } from './version-order.js';

export type OwnTrigger = 'schedule' | 'manual';

export interface OwnResult {
  readonly component: string;
  readonly outcome: OwnEvent['outcome'];
  readonly versionBefore: string | null;
  readonly version: string | null;
  readonly message: string;
}

interface Candidate {
  readonly component: string;
  readonly entry: SourceEntry;
  readonly versionBefore: string | null;
}

/** Updates that the agent starts itself, from an update source: by its schedule, or because a person asked. */
export class OwnUpdate {
  readonly #agent: Agent;
  #source: UpdateSource | null = null;

  constructor(agent: Agent) {
    this.#agent = agent;
  }

  /**
   * Looks at the source and installs what is newer; a component that fails does not hold up the others.
   * @param components null: all that are mapped
   * @throws AgentError configuration/…, conflict/update-running, download/… when the source tells nothing
   */
  async run(trigger: OwnTrigger, components: readonly string[] | null, signal: AbortSignal): Promise<OwnResult[]> {
    const mapped = this.#agent.config.updateSource.entries;
    const chosen = components ?? Object.keys(mapped);
    const strange = chosen.find((component) => mapped[component] === undefined);
    if (strange !== undefined) {
      throw new AgentError('configuration', 'component-unknown', `${strange} is not mapped in updateSource.entries`);
    }
    const entries = await this.#look(signal);
    return exclusively(this.#agent, `${trigger} update`, () => this.#update(trigger, chosen, entries, signal));
  }

  /** Reads the manifest and notes what is available. */
  async #look(signal: AbortSignal): Promise<Map<string, SourceEntry>> {
    const state = await this.#agent.state.read();
    const url = state.updateSource ?? this.#agent.config.updateSource.url;
    if (url === null) throw new AgentError('configuration', 'update-source-missing', 'no update source is set');
    if (this.#source?.url !== url) this.#source = new UpdateSource(this.#agent.http, url);
    try {
      const entries = await this.#source.entries(signal);
      await this.#note((entry) => available(entries.get(entry)));
      return entries;
    } catch (error) {
      signal.throwIfAborted();
      const failure = toAgentError(error, 'download');
      const checkedAt = new Date().toISOString();
      await this.#note(() => ({ state: 'unknown', version: null, reason: failure.message, checkedAt }));
      throw failure;
    }
  }

  async #note(what: (entry: string) => Available): Promise<void> {
    await this.#agent.state.update((state) => {
      for (const [component, scheduled] of Object.entries(this.#agent.config.updateSource.entries)) {
        componentState(state, component).available = what(entryId(scheduled));
      }
    });
  }

  async #update(
    trigger: OwnTrigger,
    chosen: readonly string[],
    entries: Map<string, SourceEntry>,
    signal: AbortSignal,
  ): Promise<OwnResult[]> {
    const { candidates, results } = await this.#candidates(trigger, chosen, entries);
    if (candidates.length === 0) return results;
    await announceUpdate(this.#agent, 'running');
    try {
      const ready: ReadyComponent[] = [];
      for (const candidate of candidates) {
        try {
          ready.push(await this.#take(candidate, signal));
        } catch (error) {
          signal.throwIfAborted();
          results.push(await this.#failed(trigger, candidate, toAgentError(error, 'download')));
        }
      }
      if (ready.length > 0) results.push(...(await this.#install(trigger, ready, candidates, signal)));
      await this.#agent.downloads.clear();
      return results;
    } finally {
      await announceUpdate(this.#agent, 'idle');
    }
  }

  async #candidates(
    trigger: OwnTrigger,
    chosen: readonly string[],
    entries: Map<string, SourceEntry>,
  ): Promise<{ candidates: Candidate[]; results: OwnResult[] }> {
    const state = await this.#agent.state.read();
    const candidates: Candidate[] = [];
    const results: OwnResult[] = [];
    for (const component of chosen) {
      const scheduled = this.#agent.config.updateSource.entries[component];
      const entry = scheduled && entries.get(entryId(scheduled));
      const versionBefore = (await this.#agent.generations.installed(component))?.version ?? null;
      const unchanged = (message: string): OwnResult => ({
        component,
        outcome: 'unchanged',
        versionBefore,
        version: versionBefore,
        message,
      });
      if (!scheduled || !entry) results.push(unchanged('the update source does not carry it'));
      else if (versionBefore !== null && !isNewer(entry.version, versionBefore, scheduled.numbering)) {
        results.push(unchanged(`already current (${versionBefore})`));
      } else if (trigger === 'schedule' && state.components[component]?.heldBack) {
        results.push(unchanged('rolled back: left the schedule until it is updated by hand or by the server'));
      } else candidates.push({ component, entry, versionBefore });
    }
    // Every 15 minutes "nothing new" is no news; a person who asked gets an answer in the history.
    if (trigger === 'manual')
      await this.#agent.state.update((next) => results.forEach((one) => addEvent(next, event(one, trigger))));
    return { candidates, results };
  }

  async #take({ component, entry }: Candidate, signal: AbortSignal): Promise<ReadyComponent> {
    if (!this.#source) throw new AgentError('configuration', 'update-source-missing', 'no update source is set');
    const name = safeFileName(entry.path.split('/').pop() ?? '');
    const fetched = await this.#agent.downloads.fetch(await this.#source.wanted(entry, signal), signal);
    const metadata = { manifestPath: entry.path };
    const services = servicesFor(component, metadata);
    return { component, version: entry.version, files: [{ name, ...fetched }], services, metadata };
  }

  async #install(
    trigger: OwnTrigger,
    ready: readonly ReadyComponent[],
    candidates: readonly Candidate[],
    signal: AbortSignal,
  ): Promise<OwnResult[]> {
    const order = { kind: 'own', trigger } as const;
    const commit = (): Promise<void> => Promise.resolve(signal.throwIfAborted());
    const { failure } = await this.#agent.installer.install(ready, order, commit);
    if (failure) this.#agent.log.error('the own update failed', { ...failure });
    return ready.map(({ component, version }) => {
      const versionBefore = candidates.find((candidate) => candidate.component === component)?.versionBefore ?? null;
      const message = failure ? `${failure.code}: ${failure.message}` : 'installed';
      return { component, outcome: failure ? 'failed' : 'succeeded', versionBefore, version, message };
    });
  }

  /** A failure before anything was changed; the same one again and again on schedule is reported once. */
  async #failed(trigger: OwnTrigger, candidate: Candidate, failure: AgentError): Promise<OwnResult> {
    const message = `${failure.code}: ${failure.message}`;
    const { component, versionBefore, entry } = candidate;
    const result = { component, outcome: 'failed' as const, versionBefore, version: entry.version, message };
    this.#agent.log.warn('a component could not be updated', { component, code: failure.code, error: failure.message });
    await this.#agent.state.update((state) => {
      const known = componentState(state, component);
      const repeated = known.lastUpdate?.outcome === 'failed' && known.lastUpdate.message === message;
      if (trigger === 'manual' || !repeated) addEvent(state, event(result, trigger, failure.number));
      known.lastUpdate = { at: new Date().toISOString(), outcome: 'failed', by: trigger, message };
    });
    return result;
  }
}

/** Rolls back on a person's word; the components leave the schedule. @throws AgentError rejected/no-previous-generation */
export async function rollBackByHand(agent: Agent, components: readonly string[]): Promise<string | null> {
  return exclusively(agent, 'rollback', async () => {
    const { failure } = await agent.installer.rollback(components, { kind: 'own', trigger: 'rollback' });
    return failure === null ? null : failure.message;
  });
}

function available(entry: SourceEntry | undefined): Available {
  const checkedAt = new Date().toISOString();
  if (!entry) return { state: 'not-carried', version: null, reason: 'the update source does not carry it', checkedAt };
  return { state: 'version', version: entry.version, reason: null, checkedAt };
}

function event(result: OwnResult, trigger: OwnTrigger, code = 0): OwnEvent {
  return { id: randomUUID(), time: new Date().toISOString(), trigger, code, ...result };
}
