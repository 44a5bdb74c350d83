import { Injectable } from '@nestjs/common';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Numbering } from '../../mirror/manifest/version.js';

const TRUST_MS = 30_000;
const DOUBT_MS = 500;

/** How the versions of components are read; asked for with every success of every product, so it is remembered for a while. */
@Injectable()
export class ComponentNumberings {
  private known: { at: number; map: Map<string, Numbering> } | null = null;

  constructor(private readonly catalogue: CatalogueRepository) {}

  async of(componentIds: readonly string[]): Promise<ReadonlyMap<string, Numbering>> {
    const { known } = this;
    const age = known === null ? Infinity : performance.now() - known.at;
    // A component that is newer than the memory is looked for at once; a product that names nonsense must not make that dear.
    const complete = known !== null && componentIds.every((id) => known.map.has(id));
    if (known !== null && age < (complete ? TRUST_MS : DOUBT_MS)) return known.map;
    const map = new Map((await this.catalogue.list()).map(({ id, numbering }) => [id, numbering]));
    this.known = { at: performance.now(), map };
    return map;
  }
}
