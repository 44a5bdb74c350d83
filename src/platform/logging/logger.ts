import { destination, pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** What cannot be written is kept up to here, for when there is room again, and dropped beyond. */
const MOST_UNWRITTEN_BYTES = 1024 * 1024;

/** JSON lines on standard error; standard output belongs to what commands print. */
export function createLogger(level: string): Logger {
  const stream = destination({ dest: 2, sync: true, maxLength: MOST_UNWRITTEN_BYTES });
  // A terminal that was closed or a full disk takes no lines any more: no reason to end, least of all in the middle of a stop.
  stream.on('error', () => undefined);
  return pino(
    {
      level,
      redact: {
        paths: [
          'authorization',
          '*.authorization',
          'password',
          '*.password',
          'token',
          '*.token',
          'securityToken',
          '*.securityToken',
        ],
        censor: '[secret]',
      },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
    },
    stream,
  );
}

/** The token by which the logger is injected. */
export const LOGGER = Symbol('logger');
