import { destination, pino, type Logger } from 'pino';

export type { Logger } from 'pino';

/** JSON lines on standard error; standard output belongs to what commands print. */
export function createLogger(level: string): Logger {
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
    destination({ dest: 2, sync: true }),
  );
}

/** The token by which the logger is injected. */
export const LOGGER = Symbol('logger');
