import { lchown, readdir, readFile, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';

import { AppError } from '../../platform/errors/app-error.js';

/** The account that postgres runs as: it refuses to run as root. */
export interface RunAs {
  uid: number;
  gid: number;
  /** True when we are root and step down to that account. */
  stepsDown: boolean;
}

/**
 * The account for a cluster: ours, unless we are root; then the owner of the existing cluster, else `nobody`.
 * Throws AppError `embedded-database-owner` when the cluster belongs to an account that we cannot become.
 */
export async function chooseRunAs(clusterDir: string): Promise<RunAs> {
  const uid = process.geteuid?.() ?? 0;
  const gid = process.getegid?.() ?? 0;
  const owner = await stat(clusterDir).catch(() => undefined);
  if (uid !== 0) {
    if (owner !== undefined && owner.uid !== uid)
      throw new AppError('conflict', 'embedded-database-owner', {
        values: { gid },
        details: { clusterDir, ownerUid: owner.uid, uid },
      });
    return { uid, gid, stepsDown: false };
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid, stepsDown: true };
  return { ...(await lookUpNobody()), stepsDown: true };
}

/**
 * Gives a cluster that belongs to root, being a copy that root made, to the account; false when there is nothing to do. The
 * directory itself comes last: what was cut off before is done again.
 */
export async function handOver(clusterDir: string, { uid, gid, stepsDown }: RunAs): Promise<boolean> {
  if (!stepsDown || (await stat(clusterDir).catch(() => undefined))?.uid !== 0) return false;
  for (const entry of await readdir(clusterDir, { recursive: true })) await lchown(join(clusterDir, entry), uid, gid);
  await lchown(clusterDir, uid, gid);
  return true;
}

async function lookUpNobody(): Promise<{ uid: number; gid: number }> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find(([name]) => name === 'nobody');
  const uid = Number(fields?.[2]);
  const gid = Number(fields?.[3]);
  return Number.isInteger(uid) && uid > 0 && Number.isInteger(gid) ? { uid, gid } : { uid: 65_534, gid: 65_534 };
}

/** Whether that account may reach the directory: search permission on it and on every parent. */
export async function canReach(directory: string, account: { uid: number; gid: number }): Promise<boolean> {
  for (let current = resolve(directory); ; current = dirname(current)) {
    const { mode, uid, gid } = await stat(current);
    const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001;
    if ((mode & bit) === 0) return false;
    if (current === dirname(current)) return true;
  }
}
