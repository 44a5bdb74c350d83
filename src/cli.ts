#!/usr/bin/env node
import { refuseOldNode } from './cli/node-version.js';

refuseOldNode(process.versions.node);
const { runCli } = await import('./cli/program.js');
await runCli(process.argv);
