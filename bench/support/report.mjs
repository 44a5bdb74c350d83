import { cpus } from 'node:os';

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/**
 * Measures the contenders of each row in turn, round by round, so that a busy moment of the machine meets all of them.
 * rows: [{ name, unit, contenders: { peer: async () => number, … } }]; the first contender is the peer = 1.0.
 */
export async function measureRows(rows, rounds) {
  const results = [];
  for (const { name, unit, target, contenders } of rows) {
    const samples = Object.fromEntries(Object.keys(contenders).map((key) => [key, []]));
    // The first round warms files, compilers and connections, and does not count.
    for (let round = 0; round <= rounds; round++)
      for (const [key, measure] of Object.entries(contenders)) {
        const value = await measure();
        if (round > 0) samples[key].push(value);
      }
    const [peer] = Object.keys(contenders);
    const medians = Object.fromEntries(Object.entries(samples).map(([key, values]) => [key, median(values)]));
    const ratios = Object.fromEntries(
      Object.keys(contenders)
        .filter((key) => key !== peer)
        .map((key) => [key, median(samples[key].map((value, round) => value / samples[peer][round]))]),
    );
    results.push({ name, unit, target, peer, medians, ratios, samples });
  }
  return results;
}

/** Figures that have no peer, only a target. */
export function absoluteRow(row, samples) {
  const medians = Object.fromEntries(Object.entries(samples).map(([key, each]) => [key, median(each)]));
  return { ...row, peer: null, medians, ratios: {}, samples };
}

export function printReport(title, results) {
  console.log(
    `${title} (${cpus().length} processors, Node ${process.versions.node}; medians, ratio = median of the rounds' ratios)`,
  );
  for (const { name, unit, target, peer, medians, ratios } of results) {
    console.log(`\n${name}${target ? `  [target ${target}]` : ''}`);
    for (const [key, value] of Object.entries(medians)) {
      const ratio = key === peer ? '1.00' : (ratios[key]?.toFixed(2) ?? '');
      console.log(`  ${key.padEnd(34)} ${value.toFixed(0).padStart(9)} ${unit.padEnd(8)} ${ratio.padStart(6)}`);
    }
  }
  console.log(`\n${JSON.stringify({ bench: title, node: process.versions.node, processors: cpus().length, results })}`);
}
