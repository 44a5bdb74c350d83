import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { CatalogueRepository } from '../../mirror/catalogue/catalogue.repository.js';
import type { Component } from '../../mirror/catalogue/component.entity.js';
import { compareVersions, displayVersion, variantOf } from '../../mirror/manifest/version.js';
import type { Release, ReleaseFile } from '../../mirror/snapshot/release.entity.js';
import { ReleaseHolders } from '../../mirror/snapshot/release-holders.js';
import { ReleaseRepository } from '../../mirror/snapshot/release.repository.js';
import { AppError } from '../../platform/errors/app-error.js';
import type { ContentChunk, ContentFile, ContentRole } from '../agents/agents.api.js';
import { BlobDigests } from './blob-digests.js';
import type { DeployedRelease, DeployParameters } from './command.types.js';

interface KnownRelease {
  release: Release;
  component: Component;
  files: ReleaseFile[];
  main: ReleaseFile;
  at: number;
}

/** Names and mappings of the catalogue may change; releases never do. */
const TRUST_MS = 60_000;
const MAX_KNOWN = 200;
/** Modules of one action: its releases by their place in the order. */
const MODULES = 1000n;

export function moduleIdOf(actionId: string, index: number): string {
  return String(BigInt(actionId) * MODULES + BigInt(index));
}

/** The action and the place of a module. */
export function moduleOf(moduleId: string): { actionId: string; index: number } {
  const id = BigInt(moduleId);
  return { actionId: String(id / MODULES), index: Number(id % MODULES) };
}

/** Turns the releases of an order into what products fetch: one chunk for each component. */
@Injectable()
export class DeploymentContents implements OnModuleInit {
  private readonly known = new Map<string, Promise<KnownRelease>>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly releases: ReleaseRepository,
    private readonly catalogue: CatalogueRepository,
    private readonly digests: BlobDigests,
    private readonly holders: ReleaseHolders,
  ) {}

  onModuleInit(): void {
    this.holders.add(() => this.releasesInUse());
  }

  /** Reads a release before its first product asks: sums over a large file take a moment. */
  async warm(order: readonly DeployedRelease[]): Promise<void> {
    for (const { releaseId } of order) {
      const { main, files } = await this.load(releaseId);
      await this.digests.of([main.sha256, ...signaturesOf(main), ...files.map((file) => file.sha256)]);
    }
  }

  /**
   * @param components which of the order this product gets
   * @param current what it had before, raw or shown, for an increment that fits; null: unknown
   * @throws AppError `content-gone` when a release is not kept any more.
   */
  async chunks(
    actionId: string,
    parameters: DeployParameters,
    components: readonly string[],
    capabilities: readonly string[],
    current: string | null,
  ): Promise<ContentChunk[]> {
    const chunks: ContentChunk[] = [];
    for (const [index, wanted] of parameters.releases.entries())
      if (components.includes(wanted.componentId))
        chunks.push(await this.chunk(actionId, index, wanted, capabilities, components.length === 1 ? current : null));
    return chunks;
  }

  private async chunk(
    actionId: string,
    index: number,
    wanted: DeployedRelease,
    capabilities: readonly string[],
    current: string | null,
  ): Promise<ContentChunk> {
    const known = await this.load(wanted.releaseId);
    const { release, component, main } = known;
    const increments = known.files.filter((file) => file.role === 'increment');
    const fitting = current === null ? undefined : increments.find((file) => fits(file, current, component));
    const sums = await this.digests.of([
      main.sha256,
      ...signaturesOf(main),
      ...(fitting === undefined ? [] : [fitting.sha256]),
    ]);
    const file = (path: string, role: ContentRole, sha256: string, size: number): ContentFile => ({
      filename: baseName(path),
      role,
      size,
      sha256,
      ...(sums.get(sha256) ?? { md5: '', sha1: '' }),
    });
    const artifact = file(main.path, main.role === 'package' ? 'package' : 'full', main.sha256, main.size);
    const signature =
      main.signaturePath !== null && main.signatureSha256 !== null
        ? file(main.signaturePath, 'signature', main.signatureSha256, main.signatureSize ?? 0)
        : null;
    const several = capabilities.includes('multi-artifact');
    const extras = fitting === undefined ? [] : [file(fitting.path, 'increment', fitting.sha256, fitting.size)];
    if (signature !== null && !several) extras.unshift(signature);
    return {
      moduleId: moduleIdOf(actionId, index),
      part: component.id,
      version: displayVersion(release.version, component.numbering),
      name: component.nameEn,
      metadata: metadataOf(known, wanted, signature, increments, several),
      artifacts: signature !== null && several ? [artifact, signature] : [artifact],
      extras,
    };
  }

  private load(releaseId: string): Promise<KnownRelease> {
    const found = this.known.get(releaseId);
    if (found !== undefined)
      return found.then((known) => {
        if (performance.now() - known.at < TRUST_MS) return known;
        if (this.known.get(releaseId) === found) this.known.delete(releaseId);
        return this.load(releaseId);
      });
    const loading = this.read(releaseId);
    this.known.set(releaseId, loading);
    const [oldest] = this.known.keys();
    if (this.known.size > MAX_KNOWN && oldest !== undefined) this.known.delete(oldest);
    return loading.catch((fault: unknown) => {
      if (this.known.get(releaseId) === loading) this.known.delete(releaseId);
      throw fault;
    });
  }

  private async read(releaseId: string): Promise<KnownRelease> {
    const release = await this.releases.find(releaseId);
    if (release === null) throw gone(releaseId);
    const [component, files] = await Promise.all([
      this.catalogue.get(release.componentId),
      this.releases.filesOf(releaseId),
    ]);
    const main = mainFile(release, component, files);
    if (main === undefined) throw gone(releaseId);
    return { release, component, files, main, at: performance.now() };
  }

  private async releasesInUse(): Promise<string[]> {
    const rows = await this.dataSource.query<{ id: string }[]>(
      `select distinct r ->> 'releaseId' as id from command c, jsonb_array_elements(c.parameters -> 'releases') r
       where c.ended_at is null and c.type = 'deploy'`,
    );
    return rows.map((row) => row.id);
  }
}

/** The file that a product installs: of the entry that the catalogue prefers, where a release covers several. */
function mainFile(release: Release, component: Component, files: readonly ReleaseFile[]): ReleaseFile | undefined {
  const whole = files.filter((file) => file.role !== 'increment');
  for (const entry of component.entries) {
    const unit = release.lines.find(({ unitId }) => unitId.toLowerCase() === entry.toLowerCase());
    const text = unit?.lines.map((line) => line.text.toLowerCase()).join('\n') ?? '';
    const found = whole.find((file) => file.path !== '' && text.includes(file.path.toLowerCase()));
    if (found !== undefined) return found;
  }
  return whole.find((file) => file.role === 'full') ?? whole[0];
}

function fits(file: ReleaseFile, current: string, { numbering }: Component): boolean {
  if (file.fromVersion === null) return false;
  const sameVariant = variantOf(file.fromVersion, numbering) === variantOf(current, numbering);
  return sameVariant && compareVersions(file.fromVersion, current, numbering) === 0;
}

function signaturesOf(file: ReleaseFile): string[] {
  return file.signatureSha256 === null ? [] : [file.signatureSha256];
}

function metadataOf(
  { release, component, main }: KnownRelease,
  wanted: DeployedRelease,
  signature: ContentFile | null,
  increments: readonly ReleaseFile[],
  several: boolean,
): { key: string; value: string }[] {
  const facts: [string, string | null][] = [
    ['manifestPath', main.path],
    ['kind', component.kind],
    ['restarts', component.restarts.join(',')],
    ['variant', release.variant],
    ['rawVersion', release.version],
    ['channel', wanted.channel],
    ['releaseId', release.id],
    ['origin', release.origin],
    ['signaturePath', main.signaturePath],
    ['signatureSha256', several ? null : (signature?.sha256 ?? null)],
    ...increments
      .slice(0, 30)
      .map((file): [string, string] => [
        `increment.${file.fromVersion ?? ''}`,
        `${file.path} ${file.size} ${file.sha256}`,
      ]),
  ];
  return facts.flatMap(([key, value]) => (value === null ? [] : [{ key, value }]));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function gone(releaseId: string): AppError {
  return new AppError('gone', 'content-gone', {
    details: { release: releaseId },
  });
}
