import { registerHooks } from 'node:module';

/** Runs the sources as they stand: Node strips the types, and a `.js` that is not there is the `.ts` beside it. */
registerHooks({
  resolve(specifier, context, next) {
    const isSource =
      specifier.startsWith('.') && specifier.endsWith('.js') && !context.parentURL?.includes('/node_modules/');
    return next(isSource ? specifier.replace(/\.js$/, '.ts') : specifier, context);
  },
});
