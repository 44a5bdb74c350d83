import type { FleetMember } from '../agents/agents.api.js';
import { reconsider, type PartOrder } from './deployment.targets.js';
import { AT_ONCE } from './plan.definition.js';
import type { WantedRelease } from './target-decision.js';

const now = new Date('2026-03-10T09:00:00Z');

const wanted = (componentId: string, rest: Partial<WantedRelease> = {}): WantedRelease => ({
  componentId,
  releaseId: 'r',
  version: '5',
  variant: null,
  channel: 'global',
  numbering: 'integer',
  licence: 'base',
  siteLicensed: true,
  olderToo: false,
  ...rest,
});

const order = (...releases: WantedRelease[]): PartOrder => ({ kind: 'all', plan: AT_ONCE, releases });

const product = (versions: Record<string, string>, rest: Partial<FleetMember> = {}): FleetMember => ({
  controllerId: 'mx1',
  groupId: 'g',
  approval: 'approved',
  productType: null,
  tags: [],
  capabilities: [],
  licences: null,
  components: Object.entries(versions).map(([id, version]) => ({ id, version, rawVersion: version, variant: null })),
  ...rest,
});

describe('a product whose ring opens', () => {
  const again = (part: PartOrder, member: FleetMember, force = false) => reconsider(part, member, { force, now });

  it('gets what it still lacks, from the version that it has by now', () => {
    expect(again(order(wanted('a'), wanted('b')), product({ a: '4', b: '5' }))).toEqual({
      controllerId: 'mx1',
      components: ['a'],
      reason: 'already-current',
      versions: { a: '4', b: '5' },
    });
  });

  it.each([
    ['already-current', product({ a: '5' })],
    ['newer-installed', product({ a: '6' })],
    ['not-licensed', product({ a: '4' }, { licences: [] })],
    ['agent-blocked', product({ a: '4' }, { approval: 'blocked' })],
  ])('is left in peace: %s', (reason, member) => {
    expect(again(order(wanted('a')), member)).toMatchObject({ components: [], reason });
  });

  it('gets an older version where that is meant, and the same one where it is forced', () => {
    expect(again(order(wanted('a', { olderToo: true })), product({ a: '6' }))).toMatchObject({ components: ['a'] });
    expect(again(order(wanted('a')), product({ a: '5' }), true)).toMatchObject({ components: ['a'] });
  });
});
