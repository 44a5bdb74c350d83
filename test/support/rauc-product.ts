import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { until } from './until.js';

/** What RAUC was told to install, as `rauc-service.py` prints it. */
export interface Installation {
  source: string;
  /** Of what it read; absent when it could not. */
  sha256?: string;
  fault?: string;
  /** Names of the options that it was given. */
  args: string[];
}

export interface Ended {
  code: number | null;
  log: string;
}

/** A product with rauc-hawkbit-updater, unchanged, on a message bus of its own, and with a RAUC that only pretends. */
export class RaucProduct {
  readonly directory = mkdtempSync(join(tmpdir(), 'haishin-rauc-'));
  readonly bundle = join(this.directory, 'bundle.raucb');
  readonly installations: Installation[] = [];
  private readonly running = new Set<ChildProcess>();
  private text = '';

  /** @param client its `[client]` section */
  constructor(
    private readonly client: Record<string, string>,
    private readonly device: Record<string, string> = { product: 'Terminator', model: 'T-1000' },
  ) {}

  /** All that the client has said so far. */
  get log(): string {
    return this.text;
  }

  /** @param result what the installations come to; null: there is no RAUC */
  async start(result: number | null = 0, installSeconds = 0.2): Promise<this> {
    const address = `unix:path=${join(this.directory, 'bus')}`;
    this.spawn('dbus-daemon', ['--session', '--nofork', '--nopidfile', `--address=${address}`]);
    await until('there is a bus', async () => {
      const bus = '--dest=org.freedesktop.DBus';
      const probe = this.spawn('dbus-send', ['--session', '--print-reply', bus, '/', 'org.freedesktop.DBus.GetId']);
      const [code] = (await once(probe, 'exit')) as [number | null];
      return code === 0;
    });
    if (result === null) return this;
    const script = resolve('test/support/rauc-service.py');
    const service = this.spawn('/usr/bin/python3', [script, String(result), String(installSeconds)]);
    let told = '';
    let ready = false;
    service.stdout?.on('data', (part: Buffer) => {
      const lines = (told + part.toString()).split('\n');
      told = lines.pop() ?? '';
      for (const line of lines) {
        const fact = JSON.parse(line) as { ready?: true } & Installation;
        if (fact.ready) ready = true;
        else this.installations.push(fact);
      }
    });
    await until('there is a RAUC', () => ready);
    return this;
  }

  /** Asks once, does what there is to do, and ends. */
  async once(more: Record<string, string> = {}): Promise<Ended> {
    const child = this.updater(['-r'], more);
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, log: this.text };
  }

  /** Runs as a service until it is stopped. */
  serve(more: Record<string, string> = {}): ChildProcess {
    return this.updater([], more);
  }

  async says(text: string | RegExp, milliseconds = 15_000): Promise<void> {
    const said = (): boolean => (typeof text === 'string' ? this.text.includes(text) : text.test(this.text));
    await until(`it says ${String(text)}`, said, milliseconds).catch((cause: unknown) => {
      throw new Error(`it never said ${String(text)}, but:\n${this.text.slice(-4000)}`, { cause });
    });
  }

  async stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }

  async dispose(): Promise<void> {
    for (const child of [...this.running].reverse()) await this.stop(child);
    rmSync(this.directory, { recursive: true, force: true });
  }

  private updater(words: string[], more: Record<string, string>): ChildProcess {
    const client = {
      ssl: 'false',
      ssl_verify: 'false',
      tenant_id: 'DEFAULT',
      bundle_download_location: this.bundle,
      retry_wait: '60',
      log_level: 'debug',
      ...this.client,
      ...more,
    };
    const section = (name: string, options: Record<string, string>): string =>
      `[${name}]\n${Object.entries(options)
        .map(([key, value]) => `${key} = ${value}\n`)
        .join('')}`;
    const file = join(this.directory, 'updater.conf');
    writeFileSync(file, section('client', client) + section('device', this.device));
    this.text = '';
    // Without a terminal the C library would keep back what it prints until the end.
    const child = this.spawn('stdbuf', ['-oL', 'rauc-hawkbit-updater', '-c', file, ...words]);
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (part: Buffer) => (this.text += part.toString()));
    return child;
  }

  private spawn(command: string, words: string[]): ChildProcess {
    const child = spawn(command, words, {
      cwd: this.directory,
      env: {
        ...process.env,
        DBUS_SESSION_BUS_ADDRESS: `unix:path=${join(this.directory, 'bus')}`,
        // Makes the client look for RAUC there, not on the system's bus.
        DBUS_STARTER_BUS_TYPE: 'session',
      },
    });
    this.running.add(child);
    child.on('exit', () => this.running.delete(child));
    return child;
  }
}
