import { AppError } from '../../platform/errors/app-error.js';

export function unknownAgents(controllerIds: readonly string[]): AppError {
  const named = controllerIds.slice(0, 20);
  return new AppError('not-found', 'agent-unknown', {
    details: { agents: named },
  });
}

export function unknownGroups(ids: readonly string[]): AppError {
  const named = ids.slice(0, 20);
  return new AppError('not-found', 'agent-group-unknown', {
    details: { groups: named },
  });
}

export function invalidControllerId(id: string): AppError {
  return new AppError('bad-input', 'controller-id-invalid', { details: { controllerId: id.slice(0, 200) } });
}

/** What may stand for a product in URLs and tables; `@…` is kept for the server itself. */
export const CONTROLLER_ID = /^[A-Za-z0-9._:+=,~-][A-Za-z0-9._:@+=,~-]{0,199}$/;

export function isControllerId(text: string): boolean {
  // Two names that path normalisation would eat.
  return CONTROLLER_ID.test(text) && text !== '.' && text !== '..';
}
