import 'reflect-metadata'; // class-transformer reads it when the settings are loaded
import { Licences } from './licence.settings.js';

describe('licences', () => {
  const now = new Date('2026-03-02T00:00:00Z');
  const covers = (licence: { active: boolean; expiresAt: string | null } | null): boolean =>
    new Licences({ licences: licence === null ? [] : [{ name: 'anti-spam', ...licence }] }).covers(
      { licence: 'anti-spam' },
      now,
    );

  it.each([
    ['without an end', { active: true, expiresAt: null }, true],
    ['that ends later', { active: true, expiresAt: '2026-03-02T00:00:01Z' }, true],
    ['that ends now', { active: true, expiresAt: '2026-03-02T00:00:00Z' }, false],
    ['that is switched off', { active: false, expiresAt: null }, false],
    ['that nobody entered', null, false],
  ])('one %s', (_, licence, expected) => {
    expect(covers(licence)).toBe(expected);
  });
});
