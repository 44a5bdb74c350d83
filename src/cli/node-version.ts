const OLDEST: readonly [number, number] = [22, 19];

/** Ends the process with a clear text where Node is too old; kept free of imports, so that an old Node gets this far. */
export function refuseOldNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return;
  process.stderr.write(
    `Haishin needs Node ${OLDEST.join('.')} or newer; this is ${version}.\n` +
      'The right one was installed with it: put node_modules/.bin first in the PATH, or start with "npm start".\n',
  );
  process.exit(1);
}
