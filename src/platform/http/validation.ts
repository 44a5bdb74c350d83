import { ValidationPipe, type ValidationError } from '@nestjs/common';
import { AppError } from '../errors/app-error.js';

interface FieldFault {
  field: string;
  faults: string[];
}

function flatten(errors: ValidationError[], prefix = ''): FieldFault[] {
  return errors.flatMap((error) => {
    const field = prefix + error.property;
    const own = error.constraints ? [{ field, faults: Object.values(error.constraints) }] : [];
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
    return new AppError(
      'bad-input',
      'validation-failed',
      `Not accepted: ${fields.flatMap((f) => f.faults).join('; ')}.`,
      {
        details: { fields },
      },
    );
  },
});
