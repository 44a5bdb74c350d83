import type { ContentChunk, ContentFile, DeploymentContent } from '../action.port.js';
import { controllerPath, type LinkBase } from './ddi-links.js';

interface Link {
  href: string;
}

/** `deploymentBase`, `installedBase` and `confirmationBase` as DDI v1 writes them. */
export function deploymentView(
  content: DeploymentContent,
  key: 'deployment' | 'confirmation',
  controllerId: string,
  base: LinkBase,
): Record<string, unknown> {
  return {
    id: content.actionId,
    [key]: {
      download: content.download,
      update: content.update,
      ...(content.maintenanceWindow === null ? {} : { maintenanceWindow: content.maintenanceWindow }),
      chunks: content.chunks.map((chunk) => chunkView(chunk, controllerId, base)),
    },
    ...(content.history === null ? {} : { actionHistory: content.history }),
  };
}

function chunkView(chunk: ContentChunk, controllerId: string, base: LinkBase): Record<string, unknown> {
  const { moduleId, part, version, name, metadata, extras } = chunk;
  return {
    part,
    version,
    name,
    metadata,
    artifacts: chunk.artifacts.map((file, index) => {
      const view = artifactView(file, moduleId, controllerId, base);
      // What single-image clients do not know stands beside the first artifact as further links.
      if (index > 0) return view;
      return { ...view, _links: { ...view._links, ...extraLinks(extras, moduleId, controllerId, base) } };
    }),
  };
}

export function artifactView(
  file: ContentFile,
  moduleId: string,
  controllerId: string,
  base: LinkBase,
): { filename: string; size: number; hashes: Record<string, string>; _links: Record<string, Link> } {
  return {
    filename: file.filename,
    size: file.size,
    hashes: { sha1: file.sha1, md5: file.md5, sha256: file.sha256 },
    _links: {
      ...links('download', artifactPath(controllerId, moduleId, file.filename), base),
      ...links('md5sum', `${artifactPath(controllerId, moduleId, file.filename)}.MD5SUM`, base),
    },
  };
}

function extraLinks(
  extras: readonly ContentFile[],
  moduleId: string,
  controllerId: string,
  base: LinkBase,
): Record<string, Link> {
  const found: Record<string, Link> = {};
  for (const role of ['signature', 'increment'] as const) {
    const file = extras.find((extra) => extra.role === role);
    if (file !== undefined)
      Object.assign(found, links(role, artifactPath(controllerId, moduleId, file.filename), base));
  }
  return found;
}

function links(name: string, path: string, base: LinkBase): Record<string, Link> {
  return {
    [name]: { href: base.own + path },
    ...(base.plain === null ? {} : { [`${name}-http`]: { href: base.plain + path } }),
  };
}

function artifactPath(controllerId: string, moduleId: string, filename: string): string {
  return `${controllerPath(controllerId)}/softwaremodules/${moduleId}/artifacts/${encodeURIComponent(filename)}`;
}
