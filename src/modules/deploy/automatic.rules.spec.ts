import type { ComponentOutcome } from '../../mirror/snapshot/component-outcome.js';
import { changeIn, ordersAfterDownload, type BoundPlan, type UpdatedComponent } from './automatic.rules.js';
import type { DeploymentSetting } from './deployment.settings.js';

const updated = (id: string, versionBefore: string | null, versionAfter: string): UpdatedComponent => ({
  id,
  versionBefore,
  versionAfter,
  numbering: 'integer',
});
const news = [updated('a', '1', '2'), updated('b', null, '5')];
const setting = (afterDownload: DeploymentSetting['afterDownload']): DeploymentSetting => ({
  afterDownload,
  planId: 'plan',
  enginePlanId: 'engines',
});
const plan = (rest: Partial<BoundPlan>): BoundPlan => ({
  id: 'bound',
  boundTo: 'plan',
  components: null,
  enginePlanId: null,
  ...rest,
});

describe('what follows a download', () => {
  it('is what the setting says where no plan claims a component', () => {
    expect(ordersAfterDownload(news, [], setting('do-not-deploy'))).toEqual([]);
    expect(ordersAfterDownload(news, [], setting('immediately'))).toEqual([
      { components: ['a', 'b'], planId: null, enginePlanId: 'engines' },
    ]);
    expect(ordersAfterDownload(news, [], setting('by-plan'))).toEqual([
      { components: ['a', 'b'], planId: 'plan', enginePlanId: 'engines' },
    ]);
  });

  it('leaves re-issued and withdrawn versions alone when only new ones are wanted', () => {
    const all = [...news, updated('re-issued', '3', '3'), updated('withdrawn', '9', '8')];
    expect(ordersAfterDownload(all, [], setting('when-new'))).toMatchObject([{ components: ['a', 'b'] }]);
    expect(ordersAfterDownload(all, [], setting('by-plan'))[0]?.components).toHaveLength(4);
    const bound = plan({ boundTo: 'new-updates' });
    expect(ordersAfterDownload(all, [bound], setting('by-plan'))).toMatchObject([{ components: ['a', 'b'] }]);
  });

  it('prefers the plan that names the component to the one bound to all', () => {
    const plans = [plan({ id: 'all' }), plan({ id: 'mine', components: ['a'], boundTo: 'immediately' })];
    expect(ordersAfterDownload(news, plans, setting('do-not-deploy'))).toEqual([
      { components: ['a'], planId: null, enginePlanId: null },
      { components: ['b'], planId: 'all', enginePlanId: null },
    ]);
  });

  it('is nothing when nothing was updated or plans are not bound', () => {
    expect(ordersAfterDownload([], [plan({})], setting('immediately'))).toEqual([]);
    expect(ordersAfterDownload(news, [plan({ boundTo: 'none' })], setting('do-not-deploy'))).toEqual([]);
  });
});

describe('what a download changed in the channel that is deployed from', () => {
  const outcome: ComponentOutcome = {
    id: 'virus-pattern',
    outcome: 'updated',
    versionBefore: '1724100',
    versionAfter: '1724300',
    offered: '1724300',
    error: null,
  };
  const global = { versionBefore: '1724100', versionAfter: '1724300' };
  const japan = { versionBefore: '1724180', versionAfter: '1724580' };

  it.each([
    ['what changed in both', { changed: { global, japan } }, japan],
    ['what changed in the other alone', { changed: { global } }, null],
    ['what changed, although it failed in the other', { outcome: 'failed', changed: { japan } }, japan],
    ['what did not change', { outcome: 'unchanged' }, null],
    ['what a server recorded that knew of no channels', {}, global],
  ] as [string, Partial<ComponentOutcome>, unknown][])('%s', (_, change, expected) => {
    expect(changeIn('japan', { ...outcome, ...change })).toEqual(expected);
  });
});
