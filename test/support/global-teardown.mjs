export default async function globalTeardown() {
  await globalThis.endHaishinTestRun?.();
}
