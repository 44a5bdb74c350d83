import { ConnectionIsNotSetError, QueryFailedError, QueryRunnerAlreadyReleasedError } from 'typeorm';

import { AppError } from '../platform/errors/app-error.js';
import { isConnectionFailure, isUniqueViolation, toDatabaseError } from './database.errors.js';

function withCode(code: string, rest: object = {}): Error {
  return Object.assign(new Error('of the driver'), { code, ...rest });
}

describe('database errors', () => {
  it.each([
    ['refused', withCode('ECONNREFUSED')],
    ['no socket', withCode('ENOENT', { syscall: 'connect' })],
    ['shutting down', withCode('57P01')],
    ['starting up', withCode('57P03')],
    ['full', withCode('53300')],
    ['cut off', new Error('Connection terminated unexpectedly')],
    ['pool exhausted', new Error('timeout exceeded when trying to connect')],
    ['silent', new QueryFailedError('SELECT 1', [], new Error('Query read timeout'))],
    ['wrapped', new QueryFailedError('SELECT 1', [], withCode('08006'))],
    ['refused by a pooler', new QueryFailedError('SELECT 1', [], withCode('08P01', { severity: 'FATAL' }))],
    ['cut off in a transaction', new QueryRunnerAlreadyReleasedError()],
    ['never connected', new ConnectionIsNotSetError('postgres')],
  ])('calls it a connection failure: %s', (_case, error) => {
    expect(isConnectionFailure(error)).toBe(true);
    expect(toDatabaseError(error)).toMatchObject({ kind: 'unavailable', code: 'database-unavailable', cause: error });
  });

  it.each(['22003', '22007', '22009', '22021', '22P02', '22P05'])('calls %s a value of the wrong form', (code) => {
    expect(toDatabaseError(withCode(code))).toMatchObject({ kind: 'bad-input', code: 'value-malformed' });
  });

  it.each([
    ['a file that is missing', withCode('ENOENT', { syscall: 'link' })],
    ['a fault of the statement', withCode('42601')],
    ['too many parameters', new QueryFailedError('INSERT', [], withCode('08P01', { severity: 'ERROR' }))],
    ['anything else', new Error('of ours')],
    ['no error at all', 'text'],
  ])('returns unchanged: %s', (_case, error) => {
    expect(isConnectionFailure(error)).toBe(false);
    expect(toDatabaseError(error)).toBe(error);
  });

  it('keeps an AppError as it is', () => {
    const error = new AppError('conflict', 'download-running');
    expect(toDatabaseError(error)).toBe(error);
  });

  it.each(['28P01', '28000', '3D000'])('calls %s a refusal, for a person to mend', (code) => {
    expect(toDatabaseError(withCode(code))).toMatchObject({ code: 'database-refused' });
  });

  it.each([
    ['25006', 'database-read-only'],
    ['42501', 'database-permission-denied'],
  ])('calls %s unavailable: %s', (state, code) => {
    expect(toDatabaseError(withCode(state))).toMatchObject({ kind: 'unavailable', code });
  });

  it.each([
    ['a lock that was waited for in vain', '55P03'],
    ['a statement that took too long', '57014'],
    ['a deadlock', '40P01'],
    ['work that another one overtook', '40001'],
  ])('calls the database busy: %s', (_case, code) => {
    const fault = new QueryFailedError('UPDATE', [], withCode(code));
    expect(isConnectionFailure(fault)).toBe(false);
    expect(toDatabaseError(fault)).toMatchObject({
      kind: 'unavailable',
      code: 'database-busy',
      details: { retryAfterSeconds: 10 },
      cause: fault,
    });
  });

  it('knows a full disk', () => {
    expect(toDatabaseError(withCode('53100'))).toMatchObject({ kind: 'storage', code: 'disk-full' });
  });

  it('tells unique violations by constraint', () => {
    const error = new QueryFailedError('INSERT', [], withCode('23505', { constraint: 'node_pk' }));
    expect(isUniqueViolation(error)).toBe(true);
    expect(isUniqueViolation(error, 'node_pk')).toBe(true);
    expect(isUniqueViolation(error, 'setting_pk')).toBe(false);
    expect(isUniqueViolation(withCode('23503', { constraint: 'node_pk' }), 'node_pk')).toBe(false);
  });
});
