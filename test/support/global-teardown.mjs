export default async function globalTeardown() {
  await globalThis.haishinTestServer?.stop();
}
