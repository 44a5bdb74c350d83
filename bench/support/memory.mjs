import { readdirSync, readFileSync } from 'node:fs';

const SAMPLE_MS = 50;

/**
 * Watches the memory of a process and of all that it started. `stop()` gives megabytes (10^6 bytes): `process` = peak resident size of the
 * process itself, by the kernel's own mark; `tree` = largest sum of the proportional sizes (pages that several processes share count once),
 * `treeResident` = largest sum of the resident sizes (they count in each), both by samples.
 */
export function watchMemory(pid) {
  const peak = { tree: 0, treeResident: 0 };
  const look = () => {
    const sum = { tree: 0, treeResident: 0 };
    for (const each of family(pid)) {
      const text = read(`/proc/${each}/smaps_rollup`);
      sum.tree += kilobytes(text, 'Pss');
      sum.treeResident += kilobytes(text, 'Rss');
    }
    for (const key of Object.keys(peak)) peak[key] = Math.max(peak[key], sum[key]);
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    stop() {
      clearInterval(timer);
      look();
      const highest = kilobytes(read(`/proc/${pid}/status`), 'VmHWM');
      const megabytes = (kilo) => (kilo * 1024) / 1e6;
      return { process: megabytes(highest), tree: megabytes(peak.tree), treeResident: megabytes(peak.treeResident) };
    },
  };
}

function family(root) {
  const children = new Map();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const parent = / \S (\d+) /.exec(read(`/proc/${name}/stat`).replace(/^.*\)/, ')'))?.[1];
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), name]);
  }
  const found = [String(root)];
  for (const each of found) found.push(...(children.get(each) ?? []));
  return found;
}

function kilobytes(text, name) {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)?.[1] ?? 0);
}

/** Empty for a process that has just ended. */
function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
