import { runContentWorker } from './content-worker.js';

// What node:cluster executes in a content worker.
runContentWorker();
