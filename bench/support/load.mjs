import { run } from './processes.mjs';

/** Fetches `url` over so many connections at once, `each` times on each; MB/s (10^6 bytes). */
export async function measureTransfer(url, { connections, each, bytes, caFile }) {
  const args = ['-sS', '--fail', '--cacert', caFile, '-w', '%{size_download}\\n'];
  for (let i = 0; i < each; i++) args.push('-o', '/dev/null', url);
  const begin = performance.now();
  const outputs = await Promise.all(Array.from({ length: connections }, () => run('curl', args)));
  const seconds = (performance.now() - begin) / 1000;
  const sizes = outputs.flatMap((output) => output.trim().split('\n').map(Number));
  if (sizes.length !== connections * each || sizes.some((size) => size !== bytes))
    throw new Error(`${url}: not all bytes came`);
  return (connections * each * bytes) / 1e6 / seconds;
}

/** Polls `url` with its own entity tag; answers per second, all of them 304. */
export async function measurePolls(url, { connections, seconds, threads = 2 }) {
  const first = await fetch(url);
  const etag = first.headers.get('etag');
  const again = await fetch(url, { headers: { 'if-none-match': etag } });
  if (again.status !== 304) throw new Error(`${url} answered ${again.status} instead of 304`);
  const output = await run('wrk', [
    `-c${connections}`,
    `-t${threads}`,
    `-d${seconds}s`,
    '-H',
    `If-None-Match: ${etag}`,
    url,
  ]);
  if (/Non-2xx or 3xx|Socket errors/.test(output)) throw new Error(`${url}: ${output}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(output)[1]);
}
