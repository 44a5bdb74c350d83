import { type AgentError, toAgentError } from '../errors/agent-error.js';
import type { ReadyComponent } from '../install/installer.js';
import type { Order } from '../install/journal.js';
import type { DdiClient } from '../server/ddi-client.js';
import { type DeploymentBase, type Execution, feedback } from '../server/ddi-messages.js';
import { parseDeployment } from '../server/ddi-parse.js';
import type { Agent } from '../service/agent.js';
import type { Outbox } from '../service/outbox.js';
import { CancelWatch, Withdrawn } from './cancel-watch.js';
import { type DeploymentPlan, type PlannedComponent, planDeployment } from './deployment-plan.js';
import { exclusively } from './exclusive.js';
import { isDownloadOnly, waitReason } from './install-window.js';
import { closeOrder, orderKey } from './order-report.js';

/** `waiting`: the action stays open and is looked at again later. `stopped`: the agent is shutting down. */
export type DeploymentResult = 'done' | 'waiting' | 'stopped';

interface Run {
  readonly base: DeploymentBase;
  readonly order: Extract<Order, { kind: 'deployment' | 'command' }>;
  readonly plan: DeploymentPlan;
  readonly watch: CancelWatch;
  readonly signal: AbortSignal;
}

/** Carries out what `deploymentBase` asks for: all of its components, or none. */
export class DeploymentRunner {
  readonly #agent: Agent;
  readonly #client: DdiClient;
  readonly #outbox: Outbox;

  constructor(agent: Agent, client: DdiClient, outbox: Outbox) {
    this.#agent = agent;
    this.#client = client;
    this.#outbox = outbox;
  }

  /** @throws AgentError when the server is away; the action is taken up again at the next contact. */
  async run(href: string, stop: AbortSignal): Promise<DeploymentResult> {
    const base = parseDeployment(await this.#client.get(href, stop));
    const order = { kind: 'deployment' as const, id: base.id, feedbackHref: this.#client.feedbackHref(href) };
    if (await this.#alreadyAnswered(order)) return 'waiting';
    await this.#agent.state.update((state) => {
      state.lastPushAt = new Date().toISOString();
      if (state.deployment?.id === base.id) return;
      state.deployment = { id: base.id, phase: 'received', since: state.lastPushAt, note: null };
    });
    const watch = new CancelWatch(this.#client, base.id, this.#agent.log);
    try {
      return await exclusively(this.#agent, `deployment ${base.id}`, () => this.#locked(base, order, watch, stop));
    } catch (error) {
      return await this.#ended(error, order, watch, stop);
    } finally {
      await watch.stop();
    }
  }

  /** A success that is offered again was not heard: say it again. A failure that is offered again is another try. */
  async #alreadyAnswered(order: Run['order']): Promise<boolean> {
    const key = orderKey('deployment', order.id);
    const state = await this.#agent.state.read();
    const finished = state.finished.find((known) => known.orderId === key);
    if (!finished?.succeeded) return false;
    await this.#client.feedback(order.feedbackHref, finished.body);
    return true;
  }

  /** Under the update lock: what is installed may only be asked after an interrupted update was ended. */
  async #locked(
    base: DeploymentBase,
    order: Run['order'],
    watch: CancelWatch,
    stop: AbortSignal,
  ): Promise<DeploymentResult> {
    // Recovery may just have finished this very deployment.
    const state = await this.#agent.state.read();
    if (state.deployment?.id !== base.id) return this.#finish(stop);
    const plan = await planDeployment(base, this.#agent.generations, this.#client.usesHttps);
    if (plan.wanted.length === 0) {
      await this.#agent.state.update((current) =>
        closeOrder(current, order, { succeeded: true, details: plan.alreadyCurrent, code: 0 }),
      );
      return this.#finish(stop);
    }
    const run: Run = { base, order, plan, watch, signal: AbortSignal.any([stop, watch.signal]) };
    if (base.deployment.download === 'skip')
      return this.#wait(run, 'scheduled', 'the server does not want the download yet');
    watch.start(this.#agent.config.polling.cancelCheckSeconds * 1000);
    const ready = await this.#download(run, state.deployment.note);
    if (isDownloadOnly(base.deployment)) return this.#keep(run, stop);
    const waiting = waitReason(base.deployment, this.#agent.config.installWindow, new Date());
    if (waiting !== null) return this.#wait(run, 'downloaded', waiting);
    return this.#install(run, ready, stop);
  }

  /** Nothing more is asked for; the next order for these files need not fetch them. */
  async #keep(run: Run, stop: AbortSignal): Promise<DeploymentResult> {
    const files = run.plan.wanted.flatMap((one) => one.files);
    const details = ['downloaded and checked; kept here, nothing was installed'];
    await this.#agent.state.update((current) =>
      closeOrder(current, run.order, { succeeded: true, by: 'downloaded', details, code: 0 }),
    );
    await this.#agent.downloads.clear(new Set(files.map((file) => file.sha256)));
    return this.#finish(stop);
  }

  async #install(run: Run, ready: readonly ReadyComponent[], stop: AbortSignal): Promise<DeploymentResult> {
    await this.#enter(run, 'proceeding', ['installing']);
    const { failure } = await this.#agent.installer.install(ready, run.order, async () => {
      stop.throwIfAborted();
      await run.watch.commit();
    });
    if (failure) this.#agent.log.error('the installation failed', { action: run.base.id, ...failure });
    else this.#agent.log.info('installed', { action: run.base.id, components: run.plan.wanted.map(intent) });
    await this.#agent.downloads.clear();
    return this.#finish(stop);
  }

  async #download(run: Run, note: string | null): Promise<ReadyComponent[]> {
    const files = run.plan.wanted.flatMap((one) => one.files);
    const notes = note === null ? [] : [note];
    await this.#enter(run, 'download', [...notes, ...run.plan.wanted.map(intent), ...run.plan.alreadyCurrent]);
    const ready: ReadyComponent[] = [];
    let done = 0;
    for (const planned of run.plan.wanted) {
      const fetched = [];
      for (const file of planned.files) {
        const headers = this.#client.authorisationFor(file.url);
        const got = await this.#agent.downloads.fetch({ ...file, key: file.sha256, headers }, run.signal);
        fetched.push({ name: file.name, path: got.path, sha256: got.sha256, size: got.size });
        done += 1;
        if (done < files.length)
          await this.#report(run, 'download', [`${file.name}: ${file.size} bytes`], done, files.length);
      }
      ready.push({ ...planned, files: fetched });
    }
    await this.#enter(
      run,
      'downloaded',
      files.map((file) => `${file.name}: ${file.size} bytes, SHA-256 as announced`),
    );
    run.signal.throwIfAborted();
    return ready;
  }

  async #wait(run: Run, phase: Execution, reason: string): Promise<DeploymentResult> {
    await this.#enter(run, phase, [reason], `${phase}: ${reason}`);
    return 'waiting';
  }

  /** Reports a phase when it is entered; looked at again without a change, nothing is said. */
  async #enter(run: Run, execution: Execution, details: string[], phase: string = execution): Promise<void> {
    const state = await this.#agent.state.read();
    // Waiting actions pass through the earlier phases at every look; only the first time is news.
    if (state.deployment?.phase === phase || state.deployment?.phase.startsWith(`${phase}: `)) return;
    if (phase === 'download' && state.deployment?.phase.startsWith('downloaded')) return;
    await this.#agent.state.update((current) => {
      if (current.deployment?.id === run.base.id) Object.assign(current.deployment, { phase, note: null });
    });
    await this.#report(run, execution, details);
  }

  /** Progress is worth a try, not a failure; 410 means that the action is over. */
  async #report(run: Run, execution: Execution, details: string[], cnt?: number, of?: number): Promise<void> {
    const extra = cnt !== undefined && of !== undefined ? { progress: { cnt, of } } : {};
    try {
      const body = feedback(run.base.id, execution, 'none', details, extra);
      if ((await this.#client.feedback(run.order.feedbackHref, body, run.signal)) === 'gone') run.watch.gone();
    } catch (error) {
      run.signal.throwIfAborted();
      this.#agent.log.warn('progress could not be reported', {
        action: run.base.id,
        error: toAgentError(error, 'server').message,
      });
    }
    run.signal.throwIfAborted();
  }

  async #ended(error: unknown, order: Run['order'], watch: CancelWatch, stop: AbortSignal): Promise<DeploymentResult> {
    if (watch.signal.aborted && watch.signal.reason instanceof Withdrawn) {
      await watch.stop();
      return this.#withdrawn(order, watch.signal.reason);
    }
    if (stop.aborted) return 'stopped';
    const failure = toAgentError(error, 'installation');
    if (failure.code === 'update-running') {
      return this.#busy(order, failure);
    }
    // Nobody can be told while the server is away: a poll decides whether this is our failure or its absence.
    if (failure.reason === 'download') await this.#client.poll({ waitSeconds: 0, etag: null, signal: stop });
    if (failure.reason === 'server') throw failure;
    this.#agent.log.error('the deployment failed', { action: order.id, code: failure.code, error: failure.message });
    const details = [`${failure.reason}: ${failure.code}: ${failure.message}`, 'nothing was changed'];
    await this.#agent.state.update((state) =>
      closeOrder(state, order, { succeeded: false, details, code: failure.number }),
    );
    await this.#agent.downloads.clear();
    return this.#finish(stop);
  }

  async #busy(order: Run['order'], failure: AgentError): Promise<DeploymentResult> {
    const phase = `scheduled: ${failure.code}`;
    const state = await this.#agent.state.read();
    if (state.deployment?.phase !== phase) {
      await this.#agent.state.update((current) => {
        if (current.deployment?.id === order.id) current.deployment.phase = phase;
      });
      await this.#client.feedback(order.feedbackHref, feedback(order.id, 'scheduled', 'none', [failure.message]));
    }
    return 'waiting';
  }

  async #withdrawn(order: Run['order'], withdrawn: Withdrawn): Promise<DeploymentResult> {
    this.#agent.log.info('the deployment was withdrawn', { action: order.id, why: withdrawn.message });
    await this.#agent.state.update((state) => {
      if (state.deployment?.id === order.id) state.deployment = null;
    });
    await this.#agent.downloads.clear();
    if (withdrawn.cancel === null) return 'done';
    const body = feedback(withdrawn.cancel.id, 'closed', 'success', ['cancelled before anything was changed']);
    await this.#client.feedback(withdrawn.cancel.feedbackHref, body);
    return 'done';
  }

  async #finish(stop: AbortSignal): Promise<DeploymentResult> {
    // A stop must not cost the server the outcome: the short time that one message takes is given.
    await this.#outbox.flush(stop.aborted ? AbortSignal.timeout(5000) : undefined);
    return 'done';
  }
}

function intent(planned: PlannedComponent): string {
  return `${planned.component}: taking ${planned.version}`;
}
