/** Whether the pid is that of a process here. A pid that was given to another process counts as alive. */
export function isProcessAlive(pid: number): boolean {
  // 0 and below name groups of processes.
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (fault) {
    // It exists but belongs to another user.
    return (fault as NodeJS.ErrnoException).code === 'EPERM';
  }
}
