import { AppError } from '../../platform/errors/app-error.js';
import type { PlanFault } from './plan.rules.js';

/** The first fault names the code; all of them stand in the details. */
export function planRefused(faults: readonly PlanFault[]): AppError {
  const [first] = faults;
  return new AppError(
    'unprocessable',
    first?.code ?? 'plan-empty',
    `This plan could never run as it stands: ${faults.map(({ message }) => message).join(' ')}`,
    { details: { faults } },
  );
}

export function planUnknown(idOrName: string): AppError {
  return new AppError('not-found', 'plan-unknown', `There is no deployment plan ${idOrName}.`, {
    details: { plan: idOrName },
  });
}
