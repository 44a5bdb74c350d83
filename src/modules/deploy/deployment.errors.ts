import { AppError } from '../../platform/errors/app-error.js';
import type { PartState } from './deployment.entity.js';

export function deploymentUnknown(id: string): AppError {
  return new AppError('not-found', 'deployment-unknown', { values: { id } });
}

/** What somebody wanted of it. */
export type Wish = 'pause' | 'resume' | 'abort' | 'approve';

export function wrongState(wish: Wish, states: readonly PartState[]): AppError {
  const ended = states.every((state) => state === 'finished' || state === 'aborted');
  return ended
    ? new AppError('conflict', 'deployment-ended', { details: { states } })
    : new AppError('conflict', `deployment-state.${wish}`, { details: { states } });
}
