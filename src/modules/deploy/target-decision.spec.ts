import type { FleetMember } from '../agents/agents.api.js';
import { decide, leadingReason, type ComponentDecision, type WantedRelease } from './target-decision.js';

const NOW = new Date('2026-05-10T00:00:00Z');

function member(rest: Partial<FleetMember> = {}): FleetMember {
  return {
    controllerId: 'mx1',
    groupId: 'g',
    approval: 'approved',
    productType: null,
    tags: [],
    capabilities: [],
    licences: null,
    components: [],
    ...rest,
  };
}
const having = (rawVersion: string, variant: string | null = null): FleetMember =>
  member({ components: [{ id: 'virus-pattern', version: rawVersion, rawVersion, variant }] });
function wanted(rest: Partial<WantedRelease> = {}): WantedRelease {
  return {
    componentId: 'virus-pattern',
    releaseId: 'r',
    version: '1724180',
    variant: '80',
    channel: 'japan',
    numbering: 'vsapi',
    licence: 'base',
    siteLicensed: true,
    olderToo: false,
    ...rest,
  };
}
function outcome(product: FleetMember, release = wanted(), force = false): string {
  const { action, reason, notes } = decide(product, release, { force, now: NOW });
  return [action, reason, ...notes].filter(Boolean).join(' ');
}

describe('the decision for a product', () => {
  it('deploys what is newer or not there', () => {
    expect(outcome(having('1724080', '80'))).toBe('deploy');
    expect(outcome(member())).toBe('deploy first-version');
  });

  it('leaves a product alone that is current', () => {
    expect(outcome(having('1724180', '80'))).toBe('skip already-current');
    expect(outcome(having('1724180', '80'), wanted(), true)).toBe('deploy');
  });

  it('takes the other variant of a number neither for older nor for newer', () => {
    expect(outcome(having('1724100', '00'))).toBe('skip other-variant');
    expect(outcome(having('1724100', '00'), wanted(), true)).toBe('deploy variant-changes');
    expect(outcome(having('1724000', '00'))).toBe('deploy variant-changes');
  });

  it('puts an older version only where it is meant', () => {
    expect(outcome(having('1724380', '80'))).toBe('skip newer-installed');
    expect(outcome(having('1724380', '80'), wanted({ olderToo: true }))).toBe('deploy older-version');
    expect(outcome(having('1724380', '80'), wanted(), true)).toBe('deploy older-version');
  });

  it('skips whom it may not or cannot bother, whatever is forced', () => {
    expect(outcome(member({ approval: 'pending' }), wanted(), true)).toBe('skip agent-pending');
    expect(outcome(member({ approval: 'blocked' }), wanted(), true)).toBe('skip agent-blocked');
    expect(outcome(member({ capabilities: ['component-virus-scan-engine'] }), wanted(), true)).toBe(
      'skip not-supported',
    );
    expect(outcome(member({ capabilities: ['rollback', 'component-virus-pattern'] }))).toBe('deploy first-version');
  });

  it('asks the licences of the product before those of the site', () => {
    const licence = (active: boolean, expiresAt: string | null): FleetMember =>
      member({ licences: [{ name: 'base', active, expiresAt }] });
    expect(outcome(member(), wanted({ siteLicensed: false }))).toBe('skip not-licensed');
    expect(outcome(licence(true, null), wanted({ siteLicensed: false }))).toBe('deploy first-version');
    expect(outcome(licence(false, null))).toBe('skip not-licensed');
    expect(outcome(licence(true, '2026-05-09T00:00:00Z'))).toBe('skip not-licensed');
    expect(outcome(member({ licences: [] }))).toBe('skip not-licensed');
  });

  it('names the reason that somebody can do something about', () => {
    const skipped = (reason: ComponentDecision['reason']): ComponentDecision => ({
      componentId: 'x',
      action: 'skip',
      reason,
      notes: [],
      versionBefore: null,
    });
    expect(leadingReason([skipped('already-current'), skipped('not-licensed')])).toBe('not-licensed');
    expect(leadingReason([skipped('already-current')])).toBe('already-current');
  });
});
