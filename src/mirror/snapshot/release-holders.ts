/** Names the releases that somebody needs just now; asked at every collection. */
export type ReleaseHolder = () => Promise<Iterable<string>>;

/**
 * Who needs releases although no kept snapshot has them: deployments that are not over. When one of them cannot answer, nothing is
 * collected.
 */
export class ReleaseHolders {
  private readonly holders: ReleaseHolder[] = [];

  add(holder: ReleaseHolder): void {
    this.holders.push(holder);
  }

  async ids(): Promise<Set<string>> {
    const ids = new Set<string>();
    for (const holder of this.holders) for (const id of await holder()) ids.add(id);
    return ids;
  }
}
