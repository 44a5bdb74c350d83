import { AppError } from '../../platform/errors/app-error.js';

/** Also for an action of somebody else: who asks learns nothing about it. */
export function unknownAction(): AppError {
  return new AppError('not-found', 'action-unknown.for-product');
}

export function closedAction(): AppError {
  return new AppError('gone', 'action-closed');
}

export function unknownModule(): AppError {
  return new AppError('not-found', 'artifact-unknown.module');
}
