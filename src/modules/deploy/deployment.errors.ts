import { AppError } from '../../platform/errors/app-error.js';
import type { PartState } from './deployment.entity.js';

export function deploymentUnknown(id: string): AppError {
  return new AppError('not-found', 'deployment-unknown', `There is no deployment ${id}.`);
}

export function wrongState(wish: string, states: readonly PartState[]): AppError {
  const ended = states.every((state) => state === 'finished' || state === 'aborted');
  return new AppError(
    'conflict',
    ended ? 'deployment-ended' : 'deployment-state',
    ended
      ? `The deployment has ended: ${states.join(', ')}.`
      : `The deployment cannot ${wish}: it is ${states.join(', ')}.`,
    { details: { states } },
  );
}
