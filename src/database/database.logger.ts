import type { Logger } from 'pino';

/** What this layer needs of a logger; a pino logger is one. */
export type DatabaseLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>;
