import type { Component } from '../../mirror/catalogue/component.entity.js';
import type { Release } from '../../mirror/snapshot/release.entity.js';
import type { Availability } from './availability.repository.js';
import { componentView, type ComponentView } from './component.view.js';

const at = new Date('2026-03-02T00:00:00Z');
const component = {
  id: 'virus-pattern',
  nameJa: 'ウイルスパターンファイル',
  nameEn: 'Virus Pattern',
  numbering: 'vsapi',
  entries: ['P.4'],
  createdAt: at,
  scheduled: true,
} as Component;

function release(version: string, variant: string | null = '00'): Release {
  return { id: version, version, variant, origin: 'mirrored', derivedFrom: null, createdAt: at } as Release;
}

function known(change: Partial<Availability>): Availability {
  return {
    componentId: component.id,
    state: 'version',
    version: '1724100',
    reason: null,
    detail: null,
    text: null,
    since: at,
    ...change,
  };
}

function view(availability: Availability | undefined, current?: Release, of: Component = component): ComponentView {
  return componentView({
    component: of,
    releases: { global: current, japan: undefined },
    channel: 'global',
    availability,
    licensed: true,
    selected: true,
    rolledBack: false,
  });
}

describe('a component as a person sees it', () => {
  it.each([
    ['nothing yet', undefined, true],
    ['an older release', release('1724000'), true],
    ['the same', release('1724100'), false],
    ['the same in the other variant: identity, not order', release('1724180', '80'), false],
    ['a newer one, uploaded', release('1725000'), false],
  ])('needs an update or not: %s', (_, current, expected) => {
    expect(view(known({}), current).updateNeeded).toBe(expected);
  });

  it('needs none as long as nothing is known of what is available', () => {
    expect(view(known({ state: 'unknown', reason: 'upstream-timeout' }), release('1724000')).updateNeeded).toBe(false);
    expect(view(undefined).updateNeeded).toBe(false);
  });

  it.each<[string, Availability | undefined, Partial<ComponentView['available']>]>([
    ['a version', known({}), { state: 'version', version: '17.241.00', rawVersion: '1724100', reason: null }],
    [
      'unknown, with the reason',
      known({ state: 'unknown', reason: 'upstream-tls' }),
      { state: 'unknown', version: null, reason: 'upstream-tls' },
    ],
    [
      '0.0',
      known({ state: 'not-carried', version: null, reason: 'not-in-manifest' }),
      { state: 'not-carried', version: '0.0' },
    ],
    ['never asked', undefined, { state: 'unknown', version: null, reason: 'never-checked', since: at.toISOString() }],
  ])('available: %s', (_, availability, expected) => {
    expect(view(availability).available).toMatchObject(expected);
  });

  it('without an entry in the manifest it is not carried by any source', () => {
    expect(view(undefined, undefined, { ...component, entries: [] }).available).toMatchObject({
      state: 'not-carried',
      reason: 'no-manifest-entry',
    });
  });

  it('shows versions as people read them, beside the raw text', () => {
    expect(view(known({}), release('1724100')).current).toMatchObject({
      version: '17.241.00',
      rawVersion: '1724100',
      variant: '00',
      channel: 'global',
    });
  });
});
