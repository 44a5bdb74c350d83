import { tmpdir } from 'node:os';

/** Where temporary files lie that must be on a disk: those of a run lie in memory where there is room (run-directory.mjs). */
export const diskDirectory = process.env.HAISHIN_TEST_DISK ?? tmpdir();
