import { Command } from 'commander';
import { registerFleet } from '../fleet/fleet.command.js';
import { registerSampleUpstream } from '../sample-upstream/sample-upstream.command.js';
import { AppError, toAppError } from '../platform/errors/app-error.js';
import { VERSION } from '../platform/version.js';
import { registerCommandStates } from './command-states.command.js';
import { registerDownload } from './download.command.js';
import { registerOpenApi } from './openapi.command.js';
import { registerQuickstart } from './quickstart.command.js';
import { registerServe } from './serve.command.js';
import { registerStatus } from './status.command.js';
import { registerToken } from './token.command.js';
import { registerUpload } from './upload.command.js';
import { registerVerify } from './verify.command.js';

export function createProgram(): Command {
  const program = new Command('haishin')
    .description(
      'Mirrors an ActiveUpdate server, republishes it, deploys it to managed products and tracks every command.',
    )
    .version(VERSION)
    // `upload --version …` is the version of the upload.
    .enablePositionalOptions()
    .showHelpAfterError();
  registerServe(program);
  registerQuickstart(program);
  registerDownload(program);
  registerUpload(program);
  registerStatus(program);
  registerToken(program);
  registerVerify(program);
  registerSampleUpstream(program);
  registerFleet(program);
  registerOpenApi(program);
  registerCommandStates(program);
  return program;
}

export async function runCli(argv: string[]): Promise<void> {
  try {
    await createProgram().parseAsync(argv);
  } catch (thrown) {
    const error = toAppError(thrown);
    process.stderr.write(`${error.code}: ${error.message}\n`);
    for (const fault of faultsOf(error)) process.stderr.write(`  - ${fault}\n`);
    if (error.kind === 'internal')
      process.stderr.write(`${error.cause instanceof Error ? (error.cause.stack ?? '') : ''}\n`);
    process.exitCode = 1;
  }
}

function faultsOf(error: AppError): string[] {
  const { faults } = error.details;
  return Array.isArray(faults) ? faults.map(String) : [];
}
