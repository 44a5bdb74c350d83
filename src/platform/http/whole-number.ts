import { Transform } from 'class-transformer';

/** Makes a number of a query parameter that is written as one; `0x10` and `1e2` stay texts, for `IsInt` to refuse. */
export function WholeNumber(): PropertyDecorator {
  return Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' && /^-?\d+$/.test(value) ? Number(value) : value,
  );
}
