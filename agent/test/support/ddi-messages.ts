import { sha256, type StubFile } from './served-file.js';

export interface StubComponent {
  readonly component: string;
  readonly version: string;
  readonly files: readonly StubFile[];
  readonly metadata?: Record<string, string>;
}

export interface Feedback {
  readonly execution: string;
  readonly finished: string;
  readonly code: number;
  readonly details: string[];
  readonly progress?: { cnt: number; of: number };
}

export interface StubAction {
  readonly id: string;
  download: string;
  update: string;
  maintenanceWindow?: string;
  readonly components: readonly StubComponent[];
  readonly feedback: Feedback[];
  readonly cancelFeedback: Feedback[];
  state: 'confirming' | 'open' | 'cancelling' | 'cancelled' | 'succeeded' | 'failed';
  version: number;
}

export interface StubCommand {
  readonly id: string;
  readonly type: string;
  readonly parameters: Record<string, unknown>;
  readonly feedback: Feedback[];
  open: boolean;
}

interface StubState {
  readonly wantsConfigData: boolean;
  readonly actions: ReadonlyMap<string, StubAction>;
  readonly commands: readonly StubCommand[];
}

/** What there is to do for a product, as links; `controller` is its address. */
export function linksOf(controller: string, state: StubState): Record<string, { href: string }> {
  const links: Record<string, { href: string }> = {};
  if (state.wantsConfigData) links['configData'] = { href: `${controller}/configData` };
  const actions = [...state.actions.values()];
  const cancelling = actions.find((one) => one.state === 'cancelling');
  const confirming = actions.find((one) => one.state === 'confirming');
  const open = actions.find((one) => one.state === 'open');
  if (cancelling) links['cancelAction'] = { href: `${controller}/cancelAction/${cancelling.id}` };
  else if (confirming) links['confirmationBase'] = { href: `${controller}/confirmationBase/${confirming.id}?c=1` };
  else if (open) links['deploymentBase'] = { href: `${controller}/deploymentBase/${open.id}?c=${open.version}` };
  const command = state.commands.find((one) => one.open);
  if (command) links['command'] = { href: `${controller}/command/${command.id}` };
  return links;
}

/** The deployment that an action asks for; `controller` is the address of the product. */
export function deploymentMessage(action: StubAction, controller: string): unknown {
  const { id, download, update, maintenanceWindow } = action;
  const base = `${controller}/softwaremodules/${id}`;
  const chunks = action.components.map(({ component, version, files, metadata }) => ({
    part: component,
    version,
    name: component,
    metadata: Object.entries(metadata ?? {}).map(([key, value]) => ({ key, value })),
    artifacts: files.map((file) => ({
      filename: file.name,
      size: file.announce?.size ?? file.content.length,
      hashes: { sha256: file.announce?.sha256 ?? sha256(file.content) },
      _links: {
        ...(controller.startsWith('https:')
          ? { download: { href: `${base}/artifacts/${component}/${file.name}` } }
          : {}),
        'download-http': { href: `${base.replace('https:', 'http:')}/artifacts/${component}/${file.name}` },
      },
    })),
  }));
  return { id, deployment: { download, update, ...(maintenanceWindow ? { maintenanceWindow } : {}), chunks } };
}

export function readFeedback(body: string): Feedback {
  const { status } = JSON.parse(body) as {
    status: {
      execution: string;
      result: { finished: string; progress?: { cnt: number; of: number } };
      code: number;
      details: string[];
    };
  };
  const { execution, result, code, details } = status;
  return {
    execution,
    finished: result.finished,
    code,
    details,
    ...(result.progress ? { progress: result.progress } : {}),
  };
}
