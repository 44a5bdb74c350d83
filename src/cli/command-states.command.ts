import type { Command } from 'commander';
import { targetStatesDocument } from '../modules/commands/target-states.document.js';
import { say } from './language.js';
import { printDocument } from './print-document.js';

export function registerCommandStates(program: Command): void {
  program
    .command('command-states')
    .description(say('help.command-states'))
    .option('--out <file>', say('help.out'))
    .action((options: { out?: string }) => printDocument(targetStatesDocument(), options.out));
}
