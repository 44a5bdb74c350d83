import { systemClock } from '../../platform/clock/clock.js';
import type { ActionRepository, ActionRow, WantedAction } from './action.repository.js';
import { Deliveries } from './deliveries.js';

/** A repository whose statements end when the test says so. The real one is driven in test/agents and test/commands. */
function slowRepository() {
  const statements: { wanted: readonly WantedAction[]; end: (rows: readonly string[] | Error) => void }[] = [];
  const deliver = (wanted: readonly WantedAction[]): Promise<ActionRow[]> =>
    new Promise((resolve, reject) => {
      const end = (rows: readonly string[] | Error): void =>
        rows instanceof Error ? reject(rows) : resolve(rows.map((actionId) => ({ actionId }) as ActionRow));
      statements.push({ wanted, end });
    });
  return { statements, deliveries: new Deliveries({ deliver } as unknown as ActionRepository, systemClock) };
}

const order = (id: number): WantedAction => ({ controllerId: `p${id}`, actionId: String(id), kind: 'deployment' });
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('deliveries', () => {
  it('what comes in together, and what comes in meanwhile, is one statement each', async () => {
    const { statements, deliveries } = slowRepository();
    const first = [1, 2, 3].map((id) => deliveries.deliver(order(id)));
    await turn();
    const second = [deliveries.deliver(order(4))];
    await turn();
    const third = [5, 6].map((id) => deliveries.deliver(order(id)));
    await turn();
    expect(statements.map(({ wanted }) => wanted.map(({ actionId }) => actionId))).toEqual([['1', '2', '3'], ['4']]);
    statements[0]!.end(['1', '3']);
    expect((await Promise.all(first)).map((row) => row?.actionId)).toEqual(['1', undefined, '3']);
    await turn();
    expect(statements[2]!.wanted.map(({ actionId }) => actionId)).toEqual(['5', '6']);
    statements[1]!.end(['4']);
    statements[2]!.end([]);
    expect((await Promise.all([...second, ...third])).map((row) => row?.actionId)).toEqual(['4', undefined, undefined]);
  });

  it('of two requests for one action, one has fetched it', async () => {
    const { statements, deliveries } = slowRepository();
    const both = [order(1), order(1)].map((wanted) => deliveries.deliver(wanted));
    await turn();
    statements[0]!.end(['1']);
    expect((await Promise.all(both)).map((row) => row?.actionId)).toEqual(['1', undefined]);
  });

  it('no statement grows without bound, and a fault reaches just those whose statement it was', async () => {
    const { statements, deliveries } = slowRepository();
    const all = Array.from({ length: 1200 }, (_, id) => deliveries.deliver(order(id)));
    const settled = Promise.allSettled(all);
    await turn();
    expect(statements.map(({ wanted }) => wanted.length)).toEqual([500, 500]);
    statements[0]!.end(new Error('gone'));
    await turn();
    statements[1]!.end([]);
    await turn();
    statements[2]!.end([]);
    const results = await settled;
    expect(results.map(({ status }) => status).filter((status) => status === 'rejected')).toHaveLength(500);
    expect(results.slice(0, 500).every(({ status }) => status === 'rejected')).toBe(true);
  });
});
