import multipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import { AppError } from '../errors/app-error.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    acceptsForms?: boolean;
  }
}

/** Route configuration of the few routes that take `multipart/form-data`; they stream it and set limits of their own. */
export const ACCEPTS_FORMS = { acceptsForms: true };

/** Lets those routes have forms; anywhere else a form is refused before it is read. */
export function acceptForms(fastify: FastifyInstance): void {
  // Loaded by `ready`, before any route: awaiting it here would end the set-up of this instance.
  void fastify.register(multipart, { throwFileSizeLimit: false });
  fastify.addHook('preValidation', (request, _reply, done) => {
    const refused = request.isMultipart() && request.routeOptions.config.acceptsForms !== true;
    done(refused ? new AppError('media-type', 'unsupported-media-type.no-form') : undefined);
  });
}
