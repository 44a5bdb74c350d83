import { ValidateIf } from 'class-validator';

/** The field may be left out, but null is checked like any other value; for fields that may be null there is `IsOptional`. */
export function MayBeMissing(): PropertyDecorator {
  return ValidateIf((_, value: unknown) => value !== undefined);
}
