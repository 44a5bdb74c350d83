import { isISO8601, ValidateBy } from 'class-validator';

const WITHOUT_ZONE = /[T ][\d:.,]+$/;

/** The instant of an ISO 8601 text; one without a zone is UTC, wherever this server stands. Null: it is none, or none that we know. */
export function parseInstant(text: unknown): Date | null {
  if (typeof text !== 'string' || !isISO8601(text, { strict: true })) return null;
  // Weeks and days of the year are ISO 8601 as well, but no date to JavaScript.
  const instant = new Date(WITHOUT_ZONE.test(text) ? `${text}Z` : text);
  return Number.isNaN(instant.getTime()) ? null : instant;
}

/** A time in a body or a query. */
export function IsInstant(): PropertyDecorator {
  return ValidateBy({
    name: 'isInstant',
    validator: {
      validate: (value) => parseInstant(value) !== null,
      defaultMessage: () => '$property must be a time such as 2026-01-31T12:00:00Z',
    },
  });
}
