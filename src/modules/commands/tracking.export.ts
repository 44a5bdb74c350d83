import { Injectable } from '@nestjs/common';
import { TrackingRepository, type ExportRow, type TrackingFilter } from './tracking.repository.js';

const COMMANDS = 200;
const TARGETS = 1_000;

const COLUMNS = [
  'issuedAt',
  'commandId',
  'type',
  'issuedBy',
  'controllerId',
  'state',
  'reason',
  'since',
  'attempt',
  'components',
  'versionBefore',
  'versionAfter',
  'deliveredAt',
  'endedAt',
  'code',
  'message',
] as const satisfies readonly (keyof ExportRow)[];

/** The tracking list with its targets, one line each, read in pages: however long it is, little of it is in memory. */
@Injectable()
export class TrackingExport {
  constructor(private readonly tracking: TrackingRepository) {}

  async *lines(filter: TrackingFilter, format: 'csv' | 'ndjson'): AsyncGenerator<string> {
    // With a mark of the byte order: without it, spreadsheets take the text for another encoding.
    if (format === 'csv') yield `\ufeff${COLUMNS.join(',')}\r\n`;
    for await (const rows of this.pages(filter)) yield rows.map(format === 'csv' ? csvLine : ndjsonLine).join('');
  }

  private async *pages(filter: TrackingFilter): AsyncGenerator<ExportRow[]> {
    let place: { issuedAt: string; seq: string } | null = null;
    for (;;) {
      const commands: Awaited<ReturnType<TrackingRepository['list']>> = await this.tracking.list(
        filter,
        place,
        COMMANDS,
      );
      for (const command of commands) {
        let after: string | null = null;
        for (;;) {
          const rows: ExportRow[] = await this.tracking.exported(command, filter.agent, after, TARGETS);
          if (rows.length > 0) yield rows;
          after = rows.at(-1)?.controllerId ?? null;
          if (rows.length < TARGETS) break;
        }
      }
      const last = commands.at(-1);
      if (last === undefined || commands.length < COMMANDS) return;
      place = { issuedAt: last.issuedText, seq: last.seq };
    }
  }
}

function ndjsonLine(row: ExportRow): string {
  return `${JSON.stringify(row)}\n`;
}

function csvLine(row: ExportRow): string {
  return `${COLUMNS.map((column) => csvCell(row[column])).join(',')}\r\n`;
}

/**
 * Texts of products may begin like a formula; a spreadsheet would run it. The apostrophe makes it a text, as OWASP advises.
 */
export function csvCell(value: string | number | Date | string[] | null | undefined): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'number') return String(value);
  const text = Array.isArray(value) ? value.join(' ') : value;
  const safe = /^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
