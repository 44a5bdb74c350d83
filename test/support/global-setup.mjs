import { startTestServer } from './test-server.mjs';

/** One PostgreSQL and one migrated template for the whole run; nothing at all when only unit specs are asked for. */
export default async function globalSetup(globalConfig) {
  // What the programs under test print must not depend on who runs the tests.
  process.env.LC_ALL = 'C.UTF-8';
  const asked = globalConfig.nonFlagArgs ?? [];
  if (asked.length > 0 && asked.every((pattern) => /(^|\/)src\//.test(pattern))) return;
  globalThis.haishinTestServer = await startTestServer();
}
