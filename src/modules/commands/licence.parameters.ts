import { MASK, type SecretBox } from '../../platform/secrets/secret-box.js';

/**
 * A licence is for the product and for nobody else: its values are kept sealed, people see the names of its fields. What was ordered
 * before values were sealed stays as it is in the database, and is shown and handed out like the rest.
 */
type Licence = Record<string, unknown>;

const SEALED = 'sealed:';

export function sealLicence(box: SecretBox, licence: Licence): Record<string, string> {
  return mapped(licence, (value) => SEALED + box.seal(JSON.stringify(value)));
}

/** As the product gets it. @throws AppError `secret-unreadable`. */
export function unsealLicence(box: SecretBox, kept: Licence): Licence {
  return mapped(kept, (value) =>
    typeof value === 'string' && value.startsWith(SEALED)
      ? (JSON.parse(box.unseal(value.slice(SEALED.length))) as unknown)
      : value,
  );
}

/** As people get it. */
export function maskLicence(kept: Licence): Record<string, string> {
  return mapped(kept, () => MASK);
}

function mapped<T>(licence: Licence, change: (value: unknown) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(licence).map(([name, value]) => [name, change(value)]));
}
