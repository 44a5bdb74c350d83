import { randomUUID } from 'node:crypto';
import { AgentError, toAgentError } from '../errors/agent-error.js';
import { hashFile } from '../transfer/artifact-download.js';
import type { CrashPoint } from './crash-point.js';
import type { GenerationStore, ReleaseRecord, StagedFile } from './generation-store.js';
import {
  type Failure,
  type Journal,
  type JournalFile,
  type JournalItem,
  newJournal,
  type Order,
  type Service,
} from './journal.js';
import type { RestartHooks } from './restart-hook.js';

/** A component whose files are downloaded and checked. */
export interface ReadyComponent {
  readonly component: string;
  readonly version: string;
  readonly files: readonly StagedFile[];
  readonly services: readonly Service[];
  readonly metadata: Readonly<Record<string, string>>;
}

export interface InstallOutcome {
  readonly journal: Journal;
  /** Null: the new generations are in force. Otherwise the old ones are. */
  readonly failure: Failure | null;
  readonly details: readonly string[];
}

/** Writes down how an update ended; must bear being called twice for one journal. */
export type Recorder = (outcome: InstallOutcome) => Promise<void>;

/**
 * Changes components in one transaction: stage, flip all pointers, restart once, keep one earlier generation; or everything
 * as before. The journal makes each step repeatable, so that a loss of power at any moment ends in one of the two.
 */
export class Installer {
  readonly #store: GenerationStore;
  readonly #journal: JournalFile;
  readonly #hooks: RestartHooks;
  readonly #record: Recorder;
  readonly #crash: CrashPoint;

  constructor(parts: {
    store: GenerationStore;
    journal: JournalFile;
    hooks: RestartHooks;
    record: Recorder;
    crash: CrashPoint;
  }) {
    this.#store = parts.store;
    this.#journal = parts.journal;
    this.#hooks = parts.hooks;
    this.#record = parts.record;
    this.#crash = parts.crash;
  }

  /**
   * @param commit last chance to call it off, just before anything becomes visible: throw to undo.
   * @throws whatever `commit` threw, after everything staged is gone
   */
  async install(ready: readonly ReadyComponent[], order: Order, commit: () => Promise<void>): Promise<InstallOutcome> {
    const items: JournalItem[] = [];
    for (const one of ready) items.push(await this.#item(one));
    const services = [...new Set(ready.flatMap((one) => one.services))];
    let journal = newJournal('install', order, items, services);
    await this.#journal.write(journal);
    this.#crash.reach('journal-written');
    try {
      for (const [index, one] of ready.entries()) await this.#stage(one, items[index]?.to ?? '');
    } catch (error) {
      return this.#abandon(journal, toAgentError(error, 'installation'));
    }
    try {
      await commit();
    } catch (error) {
      await this.#undoStaging(journal);
      await this.#journal.remove();
      throw error;
    }
    try {
      journal = await this.#step(journal, 'flipping');
    } catch (error) {
      return this.#abandon(journal, toAgentError(error, 'installation'));
    }
    return this.#flipAll(journal);
  }

  /** One generation back, for all components or for none. @throws AgentError rejected/no-previous-generation */
  async rollback(components: readonly string[], order: Order): Promise<InstallOutcome> {
    const items: JournalItem[] = [];
    const services: Service[] = [];
    for (const component of components) {
      const { item, record } = await this.#itemBack(component);
      items.push(item);
      services.push(...record.services);
    }
    const journal = newJournal('rollback', order, items, [...new Set(services)], 'flipping');
    await this.#journal.write(journal);
    this.#crash.reach('journal-written');
    return this.#flipAll(journal);
  }

  async #itemBack(component: string): Promise<{ item: JournalItem; record: ReleaseRecord }> {
    const [from, to] = [await this.#store.current(component), await this.#store.previous(component)];
    const target = to === null ? null : await this.#store.record(component, to);
    if (from === null || to === null || target === null) {
      throw new AgentError(
        'rejected',
        'no-previous-generation',
        `${component} has no earlier generation to go back to`,
      );
    }
    const before = await this.#store.record(component, from);
    const versionBefore = before?.version ?? null;
    return {
      item: { component, version: target.version, versionBefore, from, to, eventId: randomUUID() },
      record: target,
    };
  }

  async isInterrupted(): Promise<boolean> {
    return (await this.#journal.read()) !== null;
  }

  /** Ends what a loss of power interrupted. Null: nothing was; `undone`: nothing is to be reported; `found`: nobody can tell. */
  async recover(): Promise<{ undone: Journal } | { found: readonly string[] } | InstallOutcome | null> {
    const journal = await this.#journal.read();
    if (journal === null) return null;
    if (journal === 'damaged') return this.#takeAsFound();
    switch (journal.step) {
      case 'staging':
        return this.#undo(journal);
      case 'flipping': {
        const flipped = await this.#allCurrent(journal);
        if (flipped) return this.#restart(await this.#step(journal, 'restarting'));
        for (const item of journal.items) await this.#store.flip(item.component, item.from);
        return this.#undo(journal);
      }
      case 'restarting':
        return this.#restart(journal);
      case 'reverting':
        return this.#revert(journal);
      case 'settling':
        return this.#settle(journal);
    }
  }

  /** Without a journal each pointer is right as it stands: it names a whole release. The services may not have read it. */
  async #takeAsFound(): Promise<{ found: readonly string[] }> {
    const components = await this.#store.components();
    for (const component of components)
      await this.#store.prune(component, await this.#store.generationsExcept(component, []));
    const found = await this.#hooks
      .restart(['scan-service', 'policy-service'], { components, cause: 'install' })
      .catch((error: unknown) => [toAgentError(error, 'restart').message]);
    await this.#journal.putAside();
    return { found };
  }

  async #item(one: ReadyComponent): Promise<JournalItem> {
    const from = await this.#store.current(one.component);
    const before = from === null ? null : await this.#store.record(one.component, from);
    return {
      component: one.component,
      version: one.version,
      versionBefore: before?.version ?? null,
      from,
      to: await this.#store.generationFor(one.component, one.version, one.files),
      eventId: randomUUID(),
    };
  }

  async #stage(one: ReadyComponent, generation: string): Promise<void> {
    const release = {
      component: one.component,
      version: one.version,
      files: one.files.map(({ name, sha256, size }) => ({ name, sha256, size })),
      services: one.services,
      metadata: one.metadata,
      stagedAt: new Date().toISOString(),
    };
    for (const file of one.files) {
      if ((await hashFile(file.path)) === file.sha256) continue;
      throw new AgentError('verification', 'hash-mismatch', `${file.name} changed on the disk after it was checked`);
    }
    await this.#store.stage(generation, release, one.files);
  }

  async #flipAll(journal: Journal): Promise<InstallOutcome> {
    this.#crash.reach('before-flip');
    try {
      for (const item of journal.items) {
        await this.#store.flip(item.component, item.to);
        this.#crash.reach('flipped');
      }
    } catch (error) {
      return this.#revert(await this.#failing(journal, toAgentError(error, 'installation')));
    }
    this.#crash.reach('all-flipped');
    return this.#restart(await this.#step(journal, 'restarting'));
  }

  async #restart(journal: Journal): Promise<InstallOutcome> {
    this.#crash.reach('restart-due');
    const context = { components: journal.items.map((item) => item.component), cause: journal.kind };
    let details: string[];
    try {
      details = await this.#hooks.restart(journal.services, context);
    } catch (error) {
      return this.#revert(await this.#failing(journal, toAgentError(error, 'restart')));
    }
    this.#crash.reach('restarted');
    return this.#settle(await this.#step({ ...journal, details: [...journal.details, ...details] }, 'settling'));
  }

  async #revert(journal: Journal): Promise<InstallOutcome> {
    this.#crash.reach('revert-due');
    for (const item of journal.items) {
      await this.#store.flip(item.component, item.from);
      this.#crash.reach('pointer-reverted');
    }
    const components = journal.items.map((item) => item.component);
    const restored = journal.items.map((item) => `${item.component}: back at ${item.versionBefore ?? 'not installed'}`);
    const details = await this.#hooks
      .restart(journal.services, { components, cause: 'revert' })
      .catch((error: unknown) => [`after going back: ${toAgentError(error, 'restart').message}`]);
    this.#crash.reach('reverted');
    return this.#settle(
      await this.#step({ ...journal, details: [...journal.details, ...restored, ...details] }, 'settling'),
    );
  }

  async #settle(journal: Journal): Promise<InstallOutcome> {
    this.#crash.reach('settling');
    const failed = journal.failure !== null;
    for (const item of journal.items) {
      // A rollback leaves nothing to go back to; after a failure things stay as they were before.
      const keep = failed ? await this.#earlier(journal, item) : journal.kind === 'install' ? [item.from ?? ''] : [];
      await this.#store.prune(item.component, keep);
    }
    this.#crash.reach('pruned');
    const outcome = { journal, failure: journal.failure, details: journal.details };
    await this.#record(outcome);
    this.#crash.reach('recorded');
    await this.#journal.remove();
    this.#crash.reach('journal-removed');
    return outcome;
  }

  /** Generations besides the current one that stood before a failed change. */
  async #earlier(journal: Journal, item: JournalItem): Promise<string[]> {
    if (journal.kind === 'rollback') return [item.to];
    return this.#store.generationsExcept(item.component, [item.to]);
  }

  async #failing(journal: Journal, error: AgentError): Promise<Journal> {
    return this.#step({ ...journal, failure: failureOf(error) }, 'reverting');
  }

  /** Staging failed: nothing was visible, so there is nothing to restart. */
  async #abandon(journal: Journal, error: AgentError): Promise<InstallOutcome> {
    await this.#undoStaging(journal);
    const outcome = { journal, failure: failureOf(error), details: ['nothing was changed'] };
    await this.#record(outcome);
    await this.#journal.remove();
    return outcome;
  }

  async #undo(journal: Journal): Promise<{ undone: Journal }> {
    if (journal.kind === 'install') await this.#undoStaging(journal);
    await this.#journal.remove();
    return { undone: journal };
  }

  async #undoStaging(journal: Journal): Promise<void> {
    for (const item of journal.items) {
      await this.#store.prune(item.component, await this.#store.generationsExcept(item.component, [item.to]));
    }
  }

  async #allCurrent(journal: Journal): Promise<boolean> {
    for (const item of journal.items) if ((await this.#store.current(item.component)) !== item.to) return false;
    return true;
  }

  async #step(journal: Journal, step: Journal['step']): Promise<Journal> {
    const next = { ...journal, step };
    await this.#journal.write(next);
    return next;
  }
}

function failureOf({ reason, code, number, message }: AgentError): Failure {
  return { reason, code, number, message };
}
