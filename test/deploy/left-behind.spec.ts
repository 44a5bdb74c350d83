import { Months } from '../../src/modules/commands/months.js';
import { CommandSweeper } from '../../src/modules/commands/command.sweeper.js';
import { DataSource } from 'typeorm';
import { LateJoiners } from '../../src/modules/deploy/late-joiners.js';
import { ManagedSite, type TestRelease } from '../support/managed-site.js';

const HOUR = 3_600_000;

describe('deployments that outlive what they were ordered for', () => {
  let site: ManagedSite;
  let release: TestRelease;

  beforeAll(async () => {
    site = await ManagedSite.start();
    release = await site.firstRelease('rules', '1');
    await site.api.post('/api/v1/deployment-plans', {
      name: 'by hand',
      rings: [
        { name: 'first', select: { count: 1 }, start: { kind: 'at-once' }, gate: { approval: true } },
        { name: 'all', select: { all: true }, start: { kind: 'at-once' } },
      ],
    });
  });

  afterAll(() => site.dispose());

  const order = async (more: object = {}): Promise<{ id: string; commandId: string }> => {
    const body = { releases: [release.releaseId], targets: { all: true }, plan: 'by hand', ...more };
    const answer = await site.api.post('/api/v1/deployments', body);
    expect(answer.status).toBe(202);
    return answer.body;
  };
  const post = (id: string, what: string) => site.api.post(`/api/v1/deployments/${id}/${what}`);
  const partOf = async (id: string): Promise<string> => {
    const rows = await site
      .get(DataSource)
      .query<{ id: string }[]>(`select id from deployment_part where deployment_id = $1`, [id]);
    return rows[0]?.id ?? '';
  };

  const stateOf = async (id: string): Promise<unknown> => (await site.api.get(`/api/v1/deployments/${id}`)).body.state;
  const advanceTo = (moment: string): void => site.clock.advance(Date.parse(moment) - site.clock.now().getTime());

  it('take nobody in any more once their command was cancelled', async () => {
    for (const id of ['one', 'two']) await site.product(id);
    const { id, commandId } = await order();
    await site.api.post(`/api/v1/commands/${commandId}/cancel`);
    await site.product('late');
    site.clock.advance(60_000);
    await site.get(LateJoiners).look(await partOf(id));
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).body.counts).toMatchObject({ all: 2, cancelled: 2 });
    await post(id, 'abort');
  });

  it('can be paused, resumed and aborted when their command is not kept any more', async () => {
    const [paused, running] = [await order(), await order({ targets: { agents: ['two'] } })];
    await post(paused.id, 'pause');
    site.clock.advance(14 * 31 * 24 * HOUR);
    await site.get(CommandSweeper).sweep();
    await site.get(Months).makeAhead();
    await site.get(Months).dropOld();
    expect((await site.api.get(`/api/v1/commands/${paused.commandId}`)).status).toBe(404);
    // Its ring may have done so before, having seen that nothing of it can succeed any more.
    expect([200, 409]).toContain((await post(running.id, 'pause')).status);
    expect(await stateOf(running.id)).toBe('paused');
    expect((await post(running.id, 'resume')).status).toBe(200);
    for (const { id } of [paused, running]) {
      expect(await post(id, 'abort')).toMatchObject({ status: 200, body: { state: 'aborted' } });
      expect((await site.api.get(`/api/v1/deployments/${id}`)).body.endedAt).not.toBeNull();
    }
  });

  it('keep a month of which something may still be carried out, however short the memory', async () => {
    const before = (await site.api.get('/api/v1/settings/commands')).body;
    await site.api.put('/api/v1/settings/commands', { ...before, retentionMonths: 1 });
    advanceTo('2030-01-31T12:00:00Z');
    await site.get(Months).makeAhead();
    const ended = await site.deploy([release], ['two'], { tries: 1 });
    const { commandId } = await order({ targets: { agents: ['one'] }, plan: undefined, expiresInHours: 720 });
    await site.api.post(`/api/v1/commands/${ended}/cancel`);
    advanceTo('2030-03-01T03:41:00Z');
    await site.get(CommandSweeper).sweep();
    await site.get(Months).dropOld();
    expect(await site.target(commandId, 'one')).toMatchObject({ state: 'queued' });
    advanceTo('2030-03-03T03:41:00Z');
    await site.get(CommandSweeper).sweep();
    expect(await site.get(Months).dropOld()).toContain('2030-01');
    expect((await site.api.get(`/api/v1/commands/${commandId}`)).status).toBe(404);
  });
});
