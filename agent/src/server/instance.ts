import { readFileSync } from 'node:fs';

/**
 * The header by which the server tells two machines with one identity apart, such as copies of one machine behind one address: every
 * start of every system has an id of its own, the same for all programs on it. Where the system does not say it, there is none.
 */
export const INSTANCE_HEADER: Readonly<Record<string, string>> = read();

function read(): Record<string, string> {
  try {
    return { 'x-haishin-instance': readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim() };
  } catch {
    return {};
  }
}
