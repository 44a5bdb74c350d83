import { SERVER, type TargetRow } from './command.types.js';
import type { TrackedCommand } from './tracking.repository.js';
import { targetView } from './tracking.view.js';

const at = new Date('2026-03-10T09:00:00Z');
const failed = (controllerId: string, message: string) =>
  targetView(
    { cancelledBy: null, tries: 1 } as TrackedCommand,
    {
      controllerId,
      state: 'failed',
      reason: 'download',
      message,
      since: at,
      progressAt: at,
      expiresAt: at,
    } as TargetRow,
    undefined,
    [message],
    at,
  );

describe('a target of command tracking', () => {
  it('tells of a download of the server as of the server', () => {
    const words = '{"ja":"ディスクが一杯です。","en":"The disk is full."}';
    const own = failed(SERVER, words);
    expect(own.text?.en).toMatch(/^The server could not/);
    expect(own.text?.ja).toMatch(/^サーバは/);
    expect(own).toMatchObject({ message: 'The disk is full.', messageText: { ja: 'ディスクが一杯です。' } });
    expect(own).toMatchObject({ messages: ['The disk is full.'], messageTexts: [{ ja: 'ディスクが一杯です。' }] });
  });

  it('gives the words of a product as they are, whatever they look like', () => {
    const words = '{"ja":"x","en":"The server is fine."}';
    const product = failed('mx1', words);
    expect(product.text?.en).toBe('The product could not download a file.');
    expect(product).toMatchObject({ message: words, messageText: null, messages: [words], messageTexts: [] });
  });
});
