/** Like `Promise.all`, but rejects only when all of them are over: nothing goes on behind a failure. With the first rejection in their order. */
export async function allOver<T>(tasks: Iterable<T | PromiseLike<T>>): Promise<Awaited<T>[]> {
  const settled = await Promise.allSettled(tasks);
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason;
    return each.value;
  });
}
