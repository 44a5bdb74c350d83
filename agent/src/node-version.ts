const OLDEST: readonly [number, number] = [22, 19];

/** What to say where Node is too old; null where it is not. */
export function tooOld(version: string): string | null {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return null;
  return `haishin-agent needs Node ${OLDEST.join('.')} or newer; this is ${version}.`;
}
