// Simulated products as a process of their own, so that their work is not counted as the server's.
// Argument: the options of startFleet as JSON. Prints a line when all are enrolled, and answers each line of standard input
// with its counters.
import { createInterface } from 'node:readline';
import { startFleet } from '../../dist/fleet/fleet.js';

const fleet = startFleet(JSON.parse(process.argv[2]));
process.on('SIGTERM', () => void fleet.stop().then(() => process.exit(0)));
const tell = () => console.log(JSON.stringify({ at: Date.now(), ...fleet.counters }));
await fleet.enrolled();
tell();
createInterface({ input: process.stdin }).on('line', tell);
