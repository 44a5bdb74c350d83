#!/usr/bin/env node
import { refuseOldNode } from './cli/node-version.js';
import { keepYoungHeapSmall } from './platform/process/young-heap.js';

refuseOldNode(process.versions.node);
keepYoungHeapSmall();
const { runCli } = await import('./cli/program.js');
await runCli(process.argv);
