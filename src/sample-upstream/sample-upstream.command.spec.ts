import { Command } from 'commander';
import { EventEmitter, once } from 'node:events';
import { type Say, text } from '../platform/texts/texts.js';
import { registerSampleUpstream } from './sample-upstream.command.js';

const say: Say = (key, values) => text('en', key, values);

/** Printed lines, and a way to wait until there are so many. */
class Printed extends Array<string> {
  private readonly printing = new EventEmitter();

  print(line: string): void {
    this.push(line);
    this.printing.emit('line');
  }

  async until(count: number): Promise<void> {
    while (this.length < count) await once(this.printing, 'line');
  }
}

/** Runs the command until it is ready, hands its lines to `look`, then ends it as Ctrl-C would. */
async function run(
  args: string[],
  look: (lines: Printed) => Promise<void> = () => Promise.resolve(),
): Promise<string[]> {
  const lines = new Printed();
  const program = new Command().exitOverride().configureOutput({ writeErr: () => undefined });
  registerSampleUpstream(program, say, {
    print: (line) => lines.print(line),
    now: () => new Date(0),
    stopped: () => look(lines),
  });
  for (const command of program.commands) command.copyInheritedSettings(program);
  await program.parseAsync(['node', 'haishin', 'sample-upstream', ...args]);
  return [...lines];
}

describe('haishin sample-upstream', () => {
  const small = ['--port', '0', '--scale', '0.001', '--every', '0'];

  it('says where it listens, and serves there', async () => {
    const lines = await run(small, async ([line]) => {
      const url = /^sample upstream url=(\S+)/.exec(line!)![1]!;
      expect((await fetch(`${url}/server.ini`)).status).toBe(200);
      expect((await fetch(`${url}/japan/server.ini`)).status).toBe(200);
    });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('no new versions');
  });

  it('prints JSON lines when asked to', async () => {
    const [line] = await run([...small, '--json', '--no-japan']);
    expect(JSON.parse(line!)).toMatchObject({
      event: 'ready',
      everySeconds: 0,
      url: expect.stringContaining('/activeupdate'),
    });
  });

  it('prints a line for each publication', async () => {
    const lines = await run([...small, '--every', '0.01'], (printed) => printed.until(3));
    expect(lines.slice(1, 3)).toEqual([
      '1970-01-01T00:00:00.000Z published virus-pattern 1724200',
      '1970-01-01T00:00:00.000Z published smart-scan-agent-pattern 1724200',
    ]);
  });

  it.each([
    ['--port', '70000'],
    ['--port', 'eighty'],
    ['--scale', '0'],
    ['--every', '-1'],
    ['--seed', '1.5'],
  ])('refuses %s %s', async (flag, value) => {
    await expect(run([...small, flag, value])).rejects.toMatchObject({ code: 'commander.invalidArgument' });
  });

  it('explains itself', () => {
    const program = new Command();
    registerSampleUpstream(program, say);
    const help = program.commands[0]!.helpInformation();
    for (const flag of [
      '--port',
      '--host',
      '--scale',
      '--every',
      '--seed',
      '--no-japan',
      '--compressed',
      '--out',
      '--json',
    ])
      expect(help).toContain(flag);
  });
});
