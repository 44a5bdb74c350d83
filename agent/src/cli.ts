#!/usr/bin/env node
import { tooOld } from './node-version.js';

const refusal = tooOld(process.versions.node);
if (refusal === null) {
  // Only now: what these import an old Node does not have.
  const { NO_CRASH } = await import('./install/crash-point.js');
  const { runProgram } = await import('./program.js');
  process.exitCode = await runProgram(process.argv.slice(2), {
    crash: NO_CRASH,
    environment: process.env,
    print: (text) => void process.stdout.write(`${text}\n`),
  });
} else {
  process.stderr.write(`${refusal}\n`);
  process.exitCode = 2;
}
