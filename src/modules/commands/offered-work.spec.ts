import type { OpenAction } from './action.repository.js';
import { offeredWork } from './offered-work.js';

const now = new Date('2026-03-02T12:00:00Z');

function action(actionId: string, change: Partial<OpenAction> = {}): OpenAction {
  return {
    controllerId: 'mx1',
    actionId,
    state: 'queued',
    type: 'deploy',
    confirmation: null,
    components: ['virus-pattern'],
    window: null,
    ...change,
  };
}

describe('what a product is shown of its open actions', () => {
  const shown = (...open: OpenAction[]) => {
    const { deployment, confirmation, command, cancellation } = offeredWork(open, now);
    return {
      deployment: deployment?.actionId,
      confirmation: confirmation?.actionId,
      command: command?.actionId,
      cancellation: cancellation?.actionId,
    };
  };

  it('is what is under way before what waits, and the older before the newer', () => {
    expect(shown(action('1'), action('2', { state: 'installing' }))).toEqual({ deployment: '2' });
    expect(shown(action('1'), action('2'))).toEqual({ deployment: '1' });
    const order = { type: 'collect-diagnostics' } as const;
    expect(shown(action('1', order), action('2', { ...order, state: 'delivered' }), action('3'))).toEqual({
      deployment: '3',
      command: '2',
    });
  });

  it('asks for consent only when there is nothing else to install', () => {
    const asked = action('1', { confirmation: 'needed' });
    expect(shown(asked)).toEqual({ confirmation: '1' });
    expect(shown(asked, action('2'))).toEqual({ deployment: '2' });
    expect(shown(action('1', { confirmation: 'confirmed' }))).toEqual({ deployment: '1' });
  });

  it('shows a cancellation beside the rest, and not as work', () => {
    expect(shown(action('1', { state: 'cancelling' }), action('2'))).toEqual({ cancellation: '1', deployment: '2' });
  });

  it('says when a window opens or closes soon, and is another text then', () => {
    const window = { kind: 'once', from: '2026-03-02T12:02:00Z', to: '2026-03-02T12:04:00Z' } as const;
    const before = offeredWork([action('1', { window })], now);
    expect(before.changesAt).toEqual(new Date(window.from));
    const inside = offeredWork([action('1', { window })], new Date(window.from));
    expect(inside.changesAt).toEqual(new Date(window.to));
    expect(inside.deployment?.version).not.toBe(before.deployment?.version);
  });
});
