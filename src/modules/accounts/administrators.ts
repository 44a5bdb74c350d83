import { applyDecorators, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ApiForbiddenResponse } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { AppError } from '../../platform/errors/app-error.js';
import { actorOf } from './authentication.hook.js';

/** Before the body is looked at: whoever may not do it learns nothing of what would be accepted. */
class AdministratorGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (actorOf(context.switchToHttp().getRequest<FastifyRequest>()).role !== 'administrator')
      throw new AppError('forbidden', 'role-insufficient.administrator');
    return true;
  }
}

/** A route for administrators alone, in its description as well; 403 `role-insufficient` for anybody else. */
export function AdministratorsOnly(): MethodDecorator & ClassDecorator {
  return applyDecorators(
    UseGuards(new AdministratorGuard()),
    ApiForbiddenResponse({ description: 'Only an administrator may do this: `role-insufficient`.' }),
  );
}
