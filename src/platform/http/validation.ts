import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { AppError } from '../errors/app-error.js';
import { fieldFault } from '../texts/field-faults.js';
import { inEach, type Sentence } from '../texts/texts.js';

interface FieldFault {
  field: string;
  faults: Sentence[];
}

/** What the pipe says when the whole body is a list or a number: it does not name what it means. */
const NO_OBJECT = 'Validation failed (object is expected)';

function faultsOf(field: string, constraints: Record<string, string>): Sentence[] {
  return Object.values(constraints).map((words) =>
    fieldFault(words === NO_OBJECT ? `${field} must be an object` : words),
  );
}

function flatten(errors: ValidationError[], prefix = ''): FieldFault[] {
  return errors.flatMap((error) => {
    const field = prefix + error.property;
    const own = error.constraints ? [{ field, faults: faultsOf(field, error.constraints) }] : [];
    return [...own, ...flatten(error.children ?? [], `${field}.`)];
  });
}

/** Refuses unknown and wrong fields, and names all of them at once. */
export const validationPipe = new ValidationPipe({
  transform: true,
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: true,
  validationError: { target: false, value: false },
  exceptionFactory: (errors) => {
    const fields = flatten(errors);
    const all = inEach((language) => fields.flatMap(({ faults }) => faults.map((each) => each[language])).join('; '));
    return new AppError('bad-input', 'validation-failed', {
      values: { faults: all },
      details: (language) => ({
        fields: fields.map(({ field, faults }) => ({ field, faults: faults.map((each) => each[language]) })),
      }),
    });
  },
});
