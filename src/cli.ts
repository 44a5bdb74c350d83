#!/usr/bin/env node
import { refuseOldNode } from './cli/node-version.js';
import { outliveReaders } from './cli/outlive-readers.js';
import { keepYoungHeapSmall } from './platform/process/young-heap.js';

refuseOldNode(process.versions.node);
keepYoungHeapSmall();
outliveReaders();
// A start loads a thousand modules; kept in their compiled form they load in half the time. Node below 22 lacks it.
const nodeModule: { enableCompileCache?: () => unknown } = await import('node:module');
nodeModule.enableCompileCache?.();
const { runCli } = await import('./cli/program.js');
await runCli(process.argv);
