import { AppError } from '../../../platform/errors/app-error.js';
import { productText } from '../product-text.js';
import { EXECUTIONS, type Confirmation, type Execution, type Feedback } from '../action.port.js';

/** hawkBit's words for details: products send dozens at once. */
const MAX_MESSAGES = 50;
const MAX_MESSAGE_LENGTH = 1_000;
const MAX_INT = 2_147_483_647;

/**
 * Reads a feedback body; unknown fields are accepted, as the clients of the field send some.
 * @throws AppError `feedback-invalid`.
 */
export function parseFeedback(body: unknown): Feedback {
  const status = record(record(body)?.['status']);
  const execution = status?.['execution'];
  if (status === null || !isExecution(execution))
    throw invalid(`status.execution must be one of ${EXECUTIONS.join(', ')}`);
  const result = record(status['result']);
  const finished = result?.['finished'] ?? 'none';
  if (finished !== 'none' && finished !== 'success' && finished !== 'failure')
    throw invalid('status.result.finished must be none, success or failure');
  const progress = record(result?.['progress']);
  const done = whole(progress?.['cnt']);
  const total = whole(progress?.['of']);
  return {
    execution,
    finished,
    code: whole(status['code']),
    progress: done !== null && total !== null && total > 0 ? { done: Math.min(done, total), total } : null,
    ...messagesOf(status['details']),
  };
}

/** @throws AppError `confirmation-invalid`. */
export function parseConfirmation(body: unknown): Confirmation {
  const fields = record(body);
  const answer = fields?.['confirmation'];
  if (answer !== 'confirmed' && answer !== 'denied') throw new AppError('bad-input', 'confirmation-invalid');
  return {
    confirmed: answer === 'confirmed',
    code: whole(fields?.['code']),
    messages: messagesOf(fields?.['details']).messages,
  };
}

/** Texts, bounded in number and length; `dropped` counts what was left out or shortened. */
export function messagesOf(details: unknown): { messages: string[]; dropped: number } {
  const all =
    details === undefined || details === null ? [] : Array.isArray(details) ? (details as unknown[]) : [details];
  const kept = all.slice(0, MAX_MESSAGES);
  let dropped = all.length - kept.length;
  const messages = kept.map((detail) => {
    const text = typeof detail === 'string' ? detail : (JSON.stringify(detail) ?? '');
    if (text.length > MAX_MESSAGE_LENGTH) dropped += 1;
    return productText(text, MAX_MESSAGE_LENGTH);
  });
  return { messages, dropped };
}

function isExecution(value: unknown): value is Execution {
  return (EXECUTIONS as readonly unknown[]).includes(value);
}

function record(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/** A whole number that fits the tables, also as text; null for anything else. */
function whole(value: unknown): number | null {
  const number = typeof value === 'string' && /^-?\d{1,10}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && Math.abs(number) <= MAX_INT ? number : null;
}

function invalid(why: string): AppError {
  return new AppError('bad-input', 'feedback-invalid', { values: { why } });
}
