/** Messages of DDI v1 as far as a simulated product reads and writes them. */
export interface BaseMessage {
  config?: { polling?: { sleep?: string } };
  _links?: Partial<
    Record<'deploymentBase' | 'cancelAction' | 'confirmationBase' | 'configData' | 'command', { href: string }>
  >;
}

export interface DeploymentMessage {
  id: string;
  deployment: {
    update?: 'skip' | 'attempt' | 'forced';
    chunks: {
      part: string;
      version: string;
      artifacts: {
        size: number;
        hashes?: { sha256?: string };
        _links: Partial<Record<'download' | 'download-http', { href: string }>>;
      }[];
    }[];
  };
}

export type Execution = 'proceeding' | 'download' | 'downloaded' | 'rejected' | 'closed';

export function feedback(
  id: string,
  execution: Execution,
  finished: 'none' | 'success' | 'failure',
  text: string,
): object {
  return { id, status: { execution, result: { finished }, code: finished === 'failure' ? 1 : 0, details: [text] } };
}

/** Where feedback for a link goes. */
export function feedbackHref(href: string): string {
  return `${href.replace(/[?#].*$/, '').replace(/\/$/, '')}/feedback`;
}

/** `HH:MM:SS` in seconds; null when it is something else. */
export function sleepSeconds(message: BaseMessage): number | null {
  const parts = /^(\d+):(\d\d):(\d\d)$/.exec(message.config?.polling?.sleep ?? '');
  return parts === null ? null : Number(parts[1]) * 3600 + Number(parts[2]) * 60 + Number(parts[3]);
}
