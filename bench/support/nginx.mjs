import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, start } from './processes.mjs';

/** The suites that our HTTPS listener prefers: both sides encrypt alike. */
const SUITES = 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384';

/**
 * nginx as it would be set up to serve `root`: sendfile, one worker per processor, no access log, connections kept.
 * Resolves when it answers.
 */
export async function startNginx({ directory, root, certFile, keyFile }) {
  const [httpPort, httpsPort] = [await freePort(), await freePort()];
  mkdirSync(join(directory, 'nginx'), { recursive: true });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, 'nginx', name)};`)
    .join(' ');
  const config = join(directory, 'nginx', 'nginx.conf');
  writeFileSync(
    config,
    `${process.getuid() === 0 ? 'user root;' : ''} worker_processes auto; daemon off;
     pid ${join(directory, 'nginx', 'pid')}; error_log ${join(directory, 'nginx', 'error.log')};
     events { worker_connections 1024; }
     http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; ${temporary}
       server { listen 127.0.0.1:${httpPort}; listen 127.0.0.1:${httpsPort} ssl; root ${root};
         ssl_certificate ${certFile}; ssl_certificate_key ${keyFile};
         ssl_protocols TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on; ssl_conf_command Ciphersuites ${SUITES}; } }`,
  );
  const child = start('nginx', ['-e', join(directory, 'nginx', 'error.log'), '-c', config]);
  const httpUrl = `http://127.0.0.1:${httpPort}`;
  for (let attempt = 0; ; attempt++) {
    try {
      await fetch(httpUrl);
      return { child, httpUrl, httpsUrl: `https://127.0.0.1:${httpsPort}` };
    } catch (error) {
      if (attempt > 200 || child.exitCode !== null) throw new Error('nginx did not start', { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}
