import { AppError } from '../../platform/errors/app-error.js';

/** Largest manifest that is read, in bytes; the largest real one known has about 30 kB. */
export const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
/** Most lines that are read. */
export const MAX_MANIFEST_LINES = 200_000;

export type IniLineKind = 'section' | 'pair' | 'comment' | 'blank' | 'other';

export interface IniLine {
  /** The line as it stands, one character per byte, without its end. */
  readonly raw: string;
  /** What ends the line: CRLF, LF, CR, or nothing at the end of the file. */
  readonly eol: string;
  /** Name of the section as spelled, for a header its own; null before the first header. */
  readonly section: string | null;
  readonly kind: IniLineKind;
  /** Only for a pair: trimmed, as spelled. */
  readonly key?: string;
  /** Only for a pair: trimmed, without a trailing comment. */
  readonly value?: string;
}

/** A UTF-8 byte order mark, read as latin1. */
const BYTE_ORDER_MARK = '\u00ef\u00bb\u00bf';

/**
 * An INI file as its lines. Any bytes at all survive `parse` → `toBuffer` unchanged: the text is latin1 in both
 * directions, so that each byte is one character, and every line keeps the end that it came with.
 */
export class IniDocument {
  private constructor(readonly lines: readonly IniLine[]) {}

  /** @throws AppError upstream/manifest-too-large above MAX_MANIFEST_BYTES or MAX_MANIFEST_LINES. */
  static parse(bytes: Buffer): IniDocument {
    if (bytes.length > MAX_MANIFEST_BYTES) throw tooLarge({ bytes: bytes.length, limit: MAX_MANIFEST_BYTES });
    const text = bytes.toString('latin1');
    const lines: IniLine[] = [];
    let section: string | null = null;
    let start = 0;
    while (start < text.length) {
      if (lines.length === MAX_MANIFEST_LINES) throw tooLarge({ lineLimit: MAX_MANIFEST_LINES });
      const end = endOfLine(text, start);
      const eol = text.startsWith('\r\n', end) ? '\r\n' : text.slice(end, end + 1);
      const line = readLine(text.slice(start, end), eol, section, start === 0);
      section = line.section;
      lines.push(line);
      start = end + eol.length;
    }
    return new IniDocument(lines);
  }

  toBuffer(): Buffer {
    return Buffer.from(this.lines.map((line) => line.raw + line.eol).join(''), 'latin1');
  }

  /** The end that this file's lines have, taken from the first line that has one; LF when there is none. */
  get eol(): string {
    return this.lines.find((line) => line.eol !== '')?.eol ?? '\n';
  }
}

/** Where the line's text ends: at a CR or LF, or with the file. */
function endOfLine(text: string, start: number): number {
  let at = start;
  for (; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === 0x0a || code === 0x0d) break;
  }
  return at;
}

function readLine(raw: string, eol: string, section: string | null, first: boolean): IniLine {
  const text = (first && raw.startsWith(BYTE_ORDER_MARK) ? raw.slice(BYTE_ORDER_MARK.length) : raw).trim();
  if (text === '') return { raw, eol, section, kind: 'blank' };
  if (text.startsWith(';')) return { raw, eol, section, kind: 'comment' };
  const header = text.startsWith('[') ? /^\[([^\]]*)\]/.exec(text) : null;
  if (header) {
    const rest = text.slice(header[0].length).trimStart();
    if (rest === '' || rest.startsWith(';')) return { raw, eol, section: (header[1] ?? '').trim(), kind: 'section' };
  }
  const equals = text.indexOf('=');
  const key = text.slice(0, Math.max(equals, 0)).trim();
  if (key === '') return { raw, eol, section, kind: 'other' };
  return { raw, eol, section, kind: 'pair', key, value: withoutComment(text.slice(equals + 1)).trim() };
}

/** A `;` begins a trailing comment only after white space: it may otherwise be part of a value. */
function withoutComment(value: string): string {
  const at = trailingCommentStart(value);
  return at === -1 ? value : value.slice(0, at);
}

/** Where the trailing comment of a text begins (at its `;`), or -1. */
export function trailingCommentStart(text: string): number {
  // Hardly any line has one, and every line is asked.
  const at = text.includes(';') ? text.search(/\s;/) : -1;
  return at === -1 ? -1 : at + 1;
}

function tooLarge(details: Record<string, unknown>): AppError {
  return new AppError('upstream', 'manifest-too-large', {
    details,
  });
}
