import { createHash } from 'node:crypto';
import { link, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface FixtureFile {
  path: string;
  content: Buffer | string;
  /** ISO 8601. */
  mtime?: string;
  component?: string | null;
}

/** A data directory with published snapshots, written as the publisher writes it, without a database. */
export class PublishedFixture {
  private published = 0;

  private constructor(readonly dataDir: string) {}

  static async create(): Promise<PublishedFixture> {
    return new PublishedFixture(await mkdtemp(join(tmpdir(), 'haishin-tree-')));
  }

  /** Renders a snapshot and puts it in force. */
  async publish(channel: string, snapshot: string, files: FixtureFile[]): Promise<void> {
    await this.stage(channel, snapshot, files);
    await this.flip(channel, snapshot);
  }

  /** Renders a snapshot without putting it in force. Each one is a minute younger than the one before. */
  async stage(channel: string, snapshot: string, files: FixtureFile[]): Promise<void> {
    const publishedAt = new Date(Date.UTC(2026, 0, 1, 0, this.published++)).toISOString();
    const staging = join(this.directory(channel), `.staging-${snapshot}`);
    const listed = [];
    for (const { path, content, mtime = '2026-03-04T05:06:07.890Z', component = null } of files) {
      const bytes = Buffer.from(content);
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      const blob = this.blobPath(sha256);
      await mkdir(dirname(blob), { recursive: true });
      await writeFile(blob, bytes);
      const linked = join(staging, 'tree', path);
      await mkdir(dirname(linked), { recursive: true });
      await link(blob, linked);
      listed.push({ path, sha256, size: bytes.length, mtime, component });
    }
    await mkdir(staging, { recursive: true });
    await writeFile(
      join(staging, 'index.json'),
      JSON.stringify({ version: 1, snapshot, channel, publishedAt, files: listed }),
    );
    await rename(staging, join(this.directory(channel), snapshot));
  }

  async flip(channel: string, snapshot: string): Promise<void> {
    const temporary = join(this.directory(channel), `.current-${snapshot}`);
    await symlink(snapshot, temporary);
    await rename(temporary, join(this.directory(channel), 'current'));
  }

  async retire(channel: string, snapshot: string): Promise<void> {
    await rm(join(this.directory(channel), snapshot), { recursive: true });
  }

  /** Overwrites an index with nonsense. */
  async damage(channel: string, snapshot: string, text = '{"version":1,'): Promise<void> {
    const file = join(this.directory(channel), snapshot, 'index.json');
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  blobPath(sha256: string): string {
    return join(this.dataDir, 'blobs', sha256.slice(0, 2), sha256);
  }

  async remove(): Promise<void> {
    await rm(this.dataDir, { recursive: true, force: true });
  }

  private directory(channel: string): string {
    return join(this.dataDir, 'published', channel);
  }
}

export interface LogLine {
  level: 'info' | 'warn' | 'error';
  text: string;
  facts: Record<string, unknown>;
}

/** A logger that keeps its lines and tells when one arrives. */
export class RecordingLogger {
  readonly lines: LogLine[] = [];
  private readonly waiting: { matches: (line: LogLine) => boolean; resolve: () => void }[] = [];

  readonly info = (facts: unknown, text?: string): void => this.take('info', facts, text);
  readonly warn = (facts: unknown, text?: string): void => this.take('warn', facts, text);
  readonly error = (facts: unknown, text?: string): void => this.take('error', facts, text);

  at(level: LogLine['level']): LogLine[] {
    return this.lines.filter((line) => line.level === level);
  }

  async waitFor(matches: (line: LogLine) => boolean): Promise<void> {
    if (this.lines.some(matches)) return;
    await new Promise<void>((resolve) => this.waiting.push({ matches, resolve }));
  }

  private take(level: LogLine['level'], facts: unknown, text?: string): void {
    const line: LogLine =
      typeof facts === 'string'
        ? { level, text: facts, facts: {} }
        : { level, text: text ?? '', facts: facts as LogLine['facts'] };
    this.lines.push(line);
    for (const waiter of this.waiting) if (waiter.matches(line)) waiter.resolve();
  }
}
