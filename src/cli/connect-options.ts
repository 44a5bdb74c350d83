import type { Command } from 'commander';
import { say } from './language.js';

/** What every command that asks a server over its API takes. */
export interface ConnectOptions {
  url?: string;
  token?: string;
  json?: boolean;
}

export function takeConnectOptions(command: Command): Command {
  return command
    .option('--url <url>', say('help.url'))
    .option('--token <token>', say('help.token'))
    .option('--json', say('help.json'));
}
