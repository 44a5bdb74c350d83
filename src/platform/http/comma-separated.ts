import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { ArrayNotEmpty, IsArray } from 'class-validator';

/** A parameter that is a list: `a,b`, or repeated. One that names nothing is a mistake, and not a list that finds nothing. */
export function CommaSeparated(): PropertyDecorator {
  return applyDecorators(
    Transform(({ value }: { value: unknown }): unknown =>
      typeof value === 'string' ? value.split(',').filter((part) => part !== '') : value,
    ),
    IsArray(),
    ArrayNotEmpty({ message: '$property must not be empty: leave it out for all' }),
  );
}
