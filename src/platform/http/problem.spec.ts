import { BadRequestException, ForbiddenException, NotFoundException } from '@nestjs/common';
import { AppError, type ErrorKind } from '../errors/app-error.js';
import { classify } from './problem.filter.js';
import { problemHeaders, problemLanguage, toProblem } from './problem.js';

describe('problems', () => {
  it.each<[ErrorKind, number]>([
    ['bad-input', 400],
    ['unauthenticated', 401],
    ['forbidden', 403],
    ['not-found', 404],
    ['conflict', 409],
    ['gone', 410],
    ['too-large', 413],
    ['media-type', 415],
    ['too-many', 429],
    ['unprocessable', 422],
    ['internal', 500],
    ['upstream', 502],
    ['unavailable', 503],
    ['storage', 507],
  ])('%s is answered with %i', (kind, status) => {
    expect(toProblem(new AppError(kind, 'no-source'), 'r1')).toMatchObject({ status, code: 'no-source' });
  });

  it('carry the facts of the occurrence, which cannot replace what every problem has', () => {
    const details = { id: 'x', status: 200, code: 'forged', type: 'about:blank', requestId: 'forged' };
    expect(toProblem(new AppError('conflict', 'download-running', { details }), 'r1')).toEqual({
      type: 'urn:haishin:error:download-running',
      title: 'Conflict',
      status: 409,
      code: 'download-running',
      detail: 'A download is running already.',
      requestId: 'r1',
      id: 'x',
    });
  });

  it('are told in the language of whoever asks; what programs read stays the same', () => {
    const error = new AppError('not-found', 'component-unknown', { details: { component: 'x' } });
    const [en, ja] = [toProblem(error, 'r1', 'en'), toProblem(error, 'r1', 'ja')];
    expect(ja).toMatchObject({ title: '見つかりません', detail: 'カタログにコンポーネント x はありません。' });
    expect({ ...ja, title: en.title, detail: en.detail }).toEqual(en);
    expect(problemHeaders('ja')).toMatchObject({ 'content-language': 'ja', vary: 'Accept-Language' });
  });

  it('of the framework have its words in English, and ours in Japanese', () => {
    const error = classify(new ForbiddenException('Not for you'));
    expect(error.text).toEqual({ en: 'Not for you', ja: expect.stringMatching(/。$/) as unknown });
  });

  it('of an address where there is nothing say where to look', () => {
    const { text } = classify(new NotFoundException('Cannot GET /x'));
    for (const words of [text.en, text.ja]) expect(words).toContain('/api/docs');
  });
});

describe('the language of an answer', () => {
  it.each([
    [undefined, 'en'],
    ['', 'en'],
    ['ja', 'ja'],
    ['ja-JP', 'ja'],
    ['JA-jp', 'ja'],
    ['ja,en-US;q=0.9,en;q=0.8', 'ja'],
    ['en-US,en;q=0.9,ja;q=0.8', 'en'],
    ['en;q=0.5, ja;q=0.7', 'ja'],
    ['ja, en', 'ja'],
    ['en, ja', 'en'],
    ['fr, ja;q=0.3', 'ja'],
    ['fr, de', 'en'],
    ['ja;q=0', 'en'],
    ['*', 'en'],
    ['x'.repeat(10_000), 'en'],
  ])('asked for as %s is %s', (header, language) => {
    expect(problemLanguage(header)).toBe(language);
  });
});

describe('whatever is thrown', () => {
  it.each<[string, unknown, ErrorKind, string]>([
    ['an error of ours', new AppError('gone', 'action-closed'), 'gone', 'action-closed'],
    ['one of the framework', new NotFoundException(), 'not-found', 'not-found'],
    ['another one of the framework', new BadRequestException(), 'bad-input', 'bad-request'],
    ['a body that is too large', Object.assign(new Error(), { statusCode: 413 }), 'too-large', 'body-too-large'],
    [
      'a type of body that is not taken',
      Object.assign(new Error(), { statusCode: 415 }),
      'media-type',
      'unsupported-media-type',
    ],
    ['an unknown status', Object.assign(new Error(), { statusCode: 418 }), 'bad-input', 'bad-request'],
    ['a full disk', Object.assign(new Error(), { code: 'ENOSPC' }), 'storage', 'disk-full'],
    ['a bug', new TypeError('undefined is not a function'), 'internal', 'internal'],
    ['no error at all', 'text', 'internal', 'internal'],
    ['nothing', undefined, 'internal', 'internal'],
  ])('%s becomes one of ours', (_, thrown, kind, code) => {
    expect(classify(thrown)).toMatchObject({ kind, code });
  });

  it('a disk that refuses access names the place', () => {
    const refused = Object.assign(new Error('EACCES'), { code: 'EACCES', path: '/srv/haishin/blobs' });
    expect(classify(refused)).toMatchObject({
      code: 'disk-permission',
      message: expect.stringContaining('/srv/haishin/blobs'),
      details: { path: '/srv/haishin/blobs' },
    });
    expect(classify(Object.assign(new Error('EPERM'), { code: 'EPERM' })).code).toBe('disk-permission');
  });

  it('tells nothing of a bug to the outside', () => {
    const secret = new Error('password=hunter2 at /home/x');
    expect(JSON.stringify(toProblem(classify(secret), 'r1'))).not.toMatch(/hunter2|home/);
  });
});
