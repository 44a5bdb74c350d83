import type { ApiClient } from './api-client.js';
import { deployToAll, type Target } from './quickstart-products.js';

/** A server whose products stand where the next answer says; the last one stays. */
function serverOf(answers: Omit<Target, 'controllerId'>[][]): { api: ApiClient; asked: () => number } {
  let asked = 0;
  const api: Pick<ApiClient, 'get' | 'post'> = {
    post: <T>() => Promise.resolve({ commandId: '1' } as T),
    get: <T>() => Promise.resolve({ items: answers[Math.min(asked++, answers.length - 1)] } as T),
  };
  return { api: api as ApiClient, asked: () => asked };
}

const at = (state: string, attempt = 1) => ({ state, attempt });

describe('a deployment of the tour', () => {
  it.each(['queued', 'delivered', 'downloading', 'downloaded', 'installing', 'cancelling'])(
    'is not over while a product is %s in its first try',
    async (state) => {
      const { api } = serverOf([
        [at('succeeded'), at(state)],
        [at('succeeded'), at('succeeded')],
      ]);
      expect(await deployToAll(api, ['virus-pattern'], 60_000)).toEqual([at('succeeded'), at('succeeded')]);
    },
  );

  it('does not wait for a product that failed and is to try again half an hour later', async () => {
    const { api, asked } = serverOf([[at('succeeded'), at('queued', 2), at('failed', 3)]]);
    expect(await deployToAll(api, ['virus-pattern'], 60_000)).toHaveLength(3);
    expect(asked()).toBe(1);
  });

  it('is waited for as long as was said, and no longer', async () => {
    const { api } = serverOf([[at('queued')]]);
    expect(await deployToAll(api, ['virus-pattern'], 0)).toEqual([at('queued')]);
  });
});
