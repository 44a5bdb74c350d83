import { AppError, faultOf, saying, storedFault, toAppError } from './app-error.js';

describe('an error', () => {
  it('takes its sentence from the catalogue, filled from its details and from further values', () => {
    const error = new AppError('upstream', 'path-unsafe', { details: { path: 'a' }, values: { why: 'it is long' } });
    expect(error.message).toBe('The path a is refused: it is long.');
    expect(error.text).toEqual({ en: error.message, ja: 'パス a は受け付けられません: it is long。' });
    expect(error).toMatchObject({ code: 'path-unsafe', kind: 'upstream', details: { path: 'a' } });
  });

  it('has one code whichever of its sentences it says', () => {
    expect(new AppError('conflict', 'cancelled.check')).toMatchObject({
      code: 'cancelled',
      message: 'The check was cancelled.',
    });
  });

  it('can say what another one says, also in the middle of a sentence', () => {
    const first = new AppError('upstream', 'upstream-too-slow', { details: { url: 'http://a' } });
    const again = new AppError('unprocessable', first, { details: { channel: 'japan' }, cause: first });
    expect(again).toMatchObject({ code: first.code, text: first.text, details: { channel: 'japan' }, cause: first });
    const around = new AppError('unavailable', 'mirror-failed', { values: { reason: first.text } });
    expect(around.text.ja).toBe('何もミラーできませんでした: アップデート元からの転送が遅すぎます。');
  });

  it('may have details that are words for people; programs read the English ones', () => {
    const details = (language: string) => ({ language });
    const error = new AppError('bad-input', 'config-invalid', { details, values: { count: 1 } });
    expect(error.details).toEqual({ language: 'en' });
    expect(error.detailsIn('ja')).toEqual({ language: 'ja' });
  });

  it('is kept in a record in every language', () => {
    const error = toAppError(Object.assign(new Error(), { code: 'EROFS' }));
    expect(faultOf(error)).toEqual({ code: 'disk-read-only', message: error.message, text: error.text });
    expect(faultOf(saying('no-source')).text.ja).toBe('アップデート元が設定されていません。');
  });

  it('that was kept before there were several languages says the same in all', () => {
    const old = { code: 'x', message: 'Gone.' };
    expect(storedFault(old)).toEqual({ ...old, text: { en: 'Gone.', ja: 'Gone.' } });
    const kept = faultOf(saying('no-source'));
    expect(storedFault(kept)).toEqual(kept);
  });
});
