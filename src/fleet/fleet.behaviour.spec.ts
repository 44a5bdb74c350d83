import { FLEET_BEHAVIOUR, roleOf } from './fleet.behaviour.js';

describe('the roles of a fleet', () => {
  const mixed = { ...FLEET_BEHAVIOUR, slow: 0.1, failing: 0.05, offline: 0.25 };

  it('have their shares, also in a small fleet', () => {
    for (const size of [20, 100, 1000]) {
      const roles = Array.from({ length: size }, (_, index) => roleOf(mixed, index));
      for (const [role, share] of [
        ['slow', 0.1],
        ['failing', 0.05],
        ['offline', 0.25],
      ] as const)
        expect(Math.abs(roles.filter((each) => each === role).length - share * size)).toBeLessThanOrEqual(1.5);
    }
  });

  it('are the same at every run, and nobody misbehaves unasked', () => {
    expect(roleOf(mixed, 17)).toBe(roleOf(mixed, 17));
    const roles = Array.from({ length: 50 }, (_, index) => roleOf(FLEET_BEHAVIOUR, index));
    expect(new Set(roles)).toEqual(new Set(['well-behaved']));
  });
});
