import { AppError } from '../../platform/errors/app-error.js';
import { texts } from '../../platform/texts/texts.js';
import type { PlanFault } from './plan.rules.js';

/** The first fault names the code; all of them stand in the details. */
export function planRefused(faults: readonly PlanFault[]): AppError {
  const [first] = faults;
  const text = texts('plan.refused', (language) => ({ faults: faults.map((fault) => fault.text[language]).join(' ') }));
  const told = faults.map(({ code, ring, message }) => ({ code, ring, message }));
  return new AppError('unprocessable', { code: first?.code ?? 'plan-empty', text }, { details: { faults: told } });
}

export function planUnknown(idOrName: string): AppError {
  return new AppError('not-found', 'plan-unknown', {
    details: { plan: idOrName },
  });
}
