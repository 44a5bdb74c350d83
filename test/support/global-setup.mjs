import { leftRunDirectories, makeRunDirectory, removeRunDirectory } from './run-directory.mjs';
import { killTestServerIn, startTestServer } from './test-server.mjs';

/** One PostgreSQL and one migrated template for the whole run; nothing at all when only unit specs are asked for. */
export default async function globalSetup(globalConfig) {
  // What the programs under test print must not depend on who runs the tests.
  process.env.LC_ALL = 'C.UTF-8';
  const asked = globalConfig.nonFlagArgs ?? [];
  if (asked.length > 0 && asked.every((pattern) => /(^|\/)src\//.test(pattern))) return;
  for (const left of leftRunDirectories()) {
    await killTestServerIn(left);
    removeRunDirectory(left);
  }
  const directory = makeRunDirectory();
  let server;
  const end = async () => {
    await server?.stop();
    removeRunDirectory(directory);
  };
  // jest runs no teardown when it is interrupted.
  for (const signal of ['SIGINT', 'SIGTERM'])
    process.once(signal, () => void end().finally(() => process.kill(process.pid, signal)));
  try {
    server = await startTestServer(directory);
  } catch (error) {
    removeRunDirectory(directory);
    throw error;
  }
  globalThis.endHaishinTestRun = end;
}
