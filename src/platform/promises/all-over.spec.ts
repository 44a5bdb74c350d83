import { allOver } from './all-over.js';

describe('allOver', () => {
  it('gives the values in their order', async () => {
    expect(await allOver([Promise.resolve(1), 2])).toEqual([1, 2]);
  });

  it('rejects with the first rejection, but only when the slowest is over', async () => {
    let over = false;
    const slow = new Promise<void>((resolve) => setTimeout(resolve, 20)).then(() => void (over = true));
    const failing = [Promise.reject(new Error('first')), slow, Promise.reject(new Error('second'))];
    await expect(allOver(failing)).rejects.toThrow('first');
    expect(over).toBe(true);
  });
});
