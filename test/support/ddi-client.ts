import { request as httpRequest, type ClientRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';

export interface DdiAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- bodies are untyped; their shape is what tests assert
  body: any;
}

export interface DdiOptions {
  token?: string;
  scheme?: 'TargetToken' | 'GatewayToken';
  headers?: Record<string, string>;
  tls?: Pick<RequestOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized'>;
}

/** A product that speaks DDI by raw HTTP, one request at a time. */
export class DdiClient {
  private readonly running = new Set<ClientRequest>();

  constructor(
    readonly server: string,
    readonly controllerId: string,
    readonly options: DdiOptions = {},
  ) {}

  get base(): string {
    return `${this.server}/DEFAULT/controller/v1/${encodeURIComponent(this.controllerId)}`;
  }

  call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<DdiAnswer> {
    const url = path.startsWith('http') ? path : this.base + path;
    const { token, scheme = 'TargetToken', tls } = this.options;
    const text = body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const send = url.startsWith('https:') ? httpsRequest : httpRequest;
      const request = send(
        url,
        {
          method,
          agent: false,
          rejectUnauthorized: false,
          ...tls,
          headers: {
            ...(token === undefined ? {} : { authorization: `${scheme} ${token}` }),
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
            ...this.options.headers,
            ...headers,
          },
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            const answer = Buffer.concat(parts).toString('latin1');
            const json = (response.headers['content-type'] ?? '').includes('json') && answer !== '';
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              text: answer,
              body: json ? JSON.parse(Buffer.concat(parts).toString('utf8')) : null,
            });
          });
        },
      );
      this.running.add(request);
      request.on('close', () => this.running.delete(request));
      request.on('error', reject);
      request.end(text);
    });
  }

  /** Cuts every request under way. */
  abort(): void {
    for (const request of this.running) request.destroy();
  }

  poll(headers: Record<string, string> = {}): Promise<DdiAnswer> {
    return this.call('GET', '', undefined, headers);
  }

  configData(data: Record<string, string>, mode = 'merge'): Promise<DdiAnswer> {
    return this.call('PUT', '/configData', { mode, data });
  }

  /** The deployment that the base offers now; fails when there is none. */
  async fetchDeployment(): Promise<DdiAnswer> {
    const { body } = await this.poll();
    const href = body?._links?.deploymentBase?.href as string | undefined;
    if (href === undefined) throw new Error(`no deployment is offered: ${JSON.stringify(body)}`);
    return this.call('GET', href);
  }

  feedback(
    actionId: string,
    execution: string,
    finished = 'none',
    details: string[] = [],
    more: Record<string, unknown> = {},
  ): Promise<DdiAnswer> {
    return this.call(
      'POST',
      `/deploymentBase/${actionId}/feedback`,
      feedbackBody(actionId, execution, finished, details, more),
    );
  }

  cancelFeedback(actionId: string, execution: string, finished = 'none', details: string[] = []): Promise<DdiAnswer> {
    return this.call(
      'POST',
      `/cancelAction/${actionId}/feedback`,
      feedbackBody(actionId, execution, finished, details),
    );
  }

  commandFeedback(actionId: string, execution: string, finished = 'none', details: string[] = []): Promise<DdiAnswer> {
    return this.call('POST', `/command/${actionId}/feedback`, feedbackBody(actionId, execution, finished, details));
  }
}

/** As SWUpdate writes it: the id as a number, and a time that nobody asked for. */
function feedbackBody(
  actionId: string,
  execution: string,
  finished: string,
  details: string[],
  more: Record<string, unknown> = {},
): unknown {
  return {
    id: Number(actionId),
    time: '20240101T000000',
    status: {
      execution,
      result: { finished, ...(more['progress'] ? { progress: more['progress'] } : {}) },
      details,
      ...(more['code'] === undefined ? {} : { code: more['code'] }),
    },
  };
}

/** The id at the end of a link. */
export function actionIdOf(href: string): string {
  return new URL(href).pathname.split('/').pop() ?? '';
}
