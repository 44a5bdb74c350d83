import { toAgentError } from '../errors/agent-error.js';
import type { Journal } from '../install/journal.js';
import type { Agent } from '../service/agent.js';

/**
 * Runs work that changes components: one process at a time, after whatever an earlier process left half done is ended.
 * @throws AgentError conflict/update-running
 */
export async function exclusively<T>(agent: Agent, purpose: string, work: () => Promise<T>): Promise<T> {
  const release = await agent.updateLock.acquire(purpose);
  try {
    await recoverInterrupted(agent);
    return await work();
  } finally {
    await release();
  }
}

/** Ends what an earlier process left half done, unless another process is at work: then it is not left, but going on. */
export async function endInterrupted(agent: Agent): Promise<void> {
  if (!(await agent.installer.isInterrupted())) return;
  try {
    await exclusively(agent, 'recovery', () => Promise.resolve());
  } catch (error) {
    if (toAgentError(error, 'installation').code !== 'update-running') throw error;
  }
}

/** Under the update lock: ends an interrupted installation or rollback and notes what became of it. */
async function recoverInterrupted(agent: Agent): Promise<void> {
  const result = await agent.installer.recover();
  if (result === null) return;
  if ('found' in result) {
    agent.log.warn(
      'the journal of an interrupted update was damaged and put aside; all components stay as they were found',
      {
        details: result.found,
      },
    );
    await agent.state.update((state) => {
      state.inventoryChanged = true;
      if (state.deployment !== null)
        state.deployment.note = 'the journal of an interrupted update was damaged; starting again';
    });
    return;
  }
  if (!('undone' in result)) {
    const { journal, failure } = result;
    agent.log.warn('an interrupted update was ended', { kind: journal.kind, finished: failure === null, failure });
    return;
  }
  const { undone } = result;
  agent.log.warn('an interrupted update was undone', { kind: undone.kind, components: names(undone) });
  await agent.state.update((state) => {
    if (undone.order.kind !== 'deployment' || state.deployment?.id !== undone.order.id) return;
    state.deployment.note = `an interrupted installation of ${names(undone)} was undone; starting again`;
  });
}

function names(journal: Journal): string {
  return journal.items.map((item) => item.component).join(', ');
}
