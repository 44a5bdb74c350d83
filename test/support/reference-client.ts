import { createHash } from 'node:crypto';
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, get as httpsGet } from 'node:https';
import { checkConsistency, compareManifests, filesNamedBy } from './reference-manifest.js';

export { checkConsistency, compareManifests };

export interface FetchedContent {
  size: number;
  /** Lower-case hex. */
  sha256: string;
}

export interface FetchedFile extends FetchedContent {
  /** Absent where the server answers 404 to the sibling. */
  sig?: FetchedContent;
}

export interface ReferenceFetch {
  manifest: Buffer;
  /** By path as spelled in the manifest. */
  files: Map<string, FetchedFile>;
  /** What a product would have complained about; empty when all is well. */
  problems: string[];
}

export interface ReferenceClientOptions {
  /** PEM of the authority to trust for HTTPS. */
  ca?: string | Buffer;
  userAgent?: string;
  /** Files fetched at once. Default 4. */
  parallel?: number;
  /** A connection silent for so long is given up. Default 20 s. */
  timeoutMilliseconds?: number;
}

/**
 * Fetches all that an ActiveUpdate server offers, as a product with a clean disk would: `ini_xml.zip` (a 404 is normal),
 * `server.ini`, every file it names, the signature beside each. Shares no code with the mirror.
 * @throws Error when there is no manifest
 */
export async function fetchAsProduct(baseUrl: string, options: ReferenceClientOptions = {}): Promise<ReferenceFetch> {
  const base = baseUrl.replace(/\/?$/, '/');
  const client = new Client(options);
  try {
    const newer = await client.get(`${base}ini_xml.zip`);
    const problems = newer.status === 404 ? [] : [`ini_xml.zip: ${newer.status}, expected 404`];
    const manifest = await client.get(`${base}server.ini`, true);
    if (manifest.status !== 200) throw new Error(`${base}server.ini: ${manifest.status}`);

    const named = filesNamedBy(manifest.body);
    problems.push(...named.problems);
    const files = new Map<string, FetchedFile>();
    const waiting = [...named.files];
    const worker = async (): Promise<void> => {
      for (let next = waiting.shift(); next; next = waiting.shift()) {
        const got = await client.get(base + next.path);
        if (got.status !== 200) {
          problems.push(`${next.path}: ${got.status}`);
          continue;
        }
        if (got.size !== next.size) problems.push(`${next.path}: ${got.size} bytes, the manifest says ${next.size}`);
        const file: FetchedFile = { size: got.size, sha256: got.sha256 };
        const sig = await client.get(base + signatureOf(next.path));
        if (sig.status === 200) file.sig = { size: sig.size, sha256: sig.sha256 };
        else if (sig.status !== 404) problems.push(`${signatureOf(next.path)}: ${sig.status}`);
        files.set(next.path, file);
      }
    };
    await Promise.all(Array.from({ length: options.parallel ?? 4 }, worker));
    return { manifest: manifest.body, files, problems };
  } finally {
    client.close();
  }
}

function signatureOf(path: string): string {
  return path.replace(/\.[^./]*$/, '') + '.sig';
}

interface Answer extends FetchedContent {
  status: number;
  /** Empty unless it was asked to be kept. */
  body: Buffer;
}

class Client {
  private readonly agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };

  constructor(private readonly options: ReferenceClientOptions) {}

  /** One GET without following redirects; a body shorter than announced is an error. */
  async get(url: string, keepBody = false): Promise<Answer> {
    const response = await this.open(url);
    const hash = createHash('sha256');
    const kept: Buffer[] = [];
    let size = 0;
    for await (const chunk of response as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
      if (keepBody) kept.push(chunk);
    }
    return { status: response.statusCode ?? 0, size, sha256: hash.digest('hex'), body: Buffer.concat(kept) };
  }

  close(): void {
    this.agents.http.destroy();
    this.agents.https.destroy();
  }

  private open(url: string): Promise<IncomingMessage> {
    const { ca, userAgent = 'reference-client', timeoutMilliseconds = 20_000 } = this.options;
    const common = { headers: { 'User-Agent': userAgent }, timeout: timeoutMilliseconds };
    return new Promise((resolve, reject) => {
      const request = url.startsWith('https:')
        ? httpsGet(url, { ...common, agent: this.agents.https, ...(ca === undefined ? {} : { ca }) }, resolve)
        : httpGet(url, { ...common, agent: this.agents.http }, resolve);
      request.once('timeout', () => request.destroy(new Error(`${url}: silent for ${timeoutMilliseconds} ms`)));
      request.once('error', reject);
    });
  }
}
