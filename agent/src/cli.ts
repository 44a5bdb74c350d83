#!/usr/bin/env node
import { NO_CRASH } from './install/crash-point.js';
import { runProgram } from './program.js';

process.exitCode = await runProgram(process.argv.slice(2), {
  crash: NO_CRASH,
  environment: process.env,
  print: (text) => void process.stdout.write(`${text}\n`),
});
