import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { runCommand } from './support/command-line.js';

describe('a command whose address leads to something else', () => {
  let server: Server;

  beforeAll(async () => {
    server = createServer((_, answer) => answer.end('<html>Please accept our terms to go on.</html>'));
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  });
  afterAll(() => new Promise((closed) => server.close(closed)));

  it('says so, instead of how it failed to read the answer', async () => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const result = await runCommand('status', '--url', url, '--token', 'any');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(/^not-a-haishin: http:\/\/127\.0\.0\.1:\d+ does not answer like a Haishin[^\n]*\n$/);
  });

  it('says why nothing answers there, and what to look at', async () => {
    const { port } = server.address() as AddressInfo;
    await new Promise((closed) => server.close(closed));
    const result = await runCommand('status', '--url', `http://127.0.0.1:${port}`, '--token', 'any');
    expect(result).toMatchObject({ code: 1, stdout: '' });
    expect(result.stderr).toMatch(
      /^server-unreachable: .* cannot be reached \(ECONNREFUSED\)\. Does it run, [^\n]*\n$/,
    );
  });
});
