import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { AppError } from '../platform/errors/app-error.js';
import { answerUnavailable } from './unavailable.js';

describe('the answer while there is no application', () => {
  let fault: AppError | null;
  let server: Server;
  beforeAll(async () => {
    server = createServer((req, res) => answerUnavailable(req, res, fault));
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  });
  afterAll(() => new Promise((closed) => server.close(closed)));

  const ask = async (language: string) => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const answer = await fetch(url, { headers: { 'accept-language': language } });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('vary')).toBe('Accept-Language');
    expect(answer.headers.get('content-language')).toBe(language);
    return (await answer.json()) as { code: string; detail: string };
  };

  it.each<[string, AppError | null, string, RegExp, RegExp]>([
    ['not known yet', null, 'starting', /^The server is starting\. Content/, /^サーバを起動しています。/],
    [
      'the database',
      new AppError('unavailable', 'database-read-only'),
      'database-read-only',
      /^The database cannot be used yet .* Content is served already\. Try again soon\.$/,
      /^データベースをまだ使用できません/,
    ],
    ['a bug', new AppError('internal', 'internal'), 'starting', /^The database cannot be used yet/, /^データベース/],
  ])('says in both languages what is the matter: %s', async (_, known, code, en, ja) => {
    fault = known;
    expect(await ask('en')).toMatchObject({ code, detail: expect.stringMatching(en) });
    expect(await ask('ja')).toMatchObject({ code, detail: expect.stringMatching(ja) });
  });
});
