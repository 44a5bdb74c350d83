/** Settings of the embedded server: small, local, quiet. `extra` wins over them. */
export function postgresArguments(
  clusterPath: string,
  socketDir: string,
  extra: Readonly<Record<string, string>> = {},
): string[] {
  const settings: Record<string, string> = {
    listen_addresses: '',
    unix_socket_directories: socketDir,
    unix_socket_permissions: '0700',
    port: '5432',
    // Beyond our pool: the job queue, the notification bus, the probe, a second node, an administrator.
    max_connections: '60',
    shared_buffers: '64MB',
    jit: 'off',
    // The default starts three more processes; our reads come from the cache.
    io_method: 'sync',
    wal_level: 'minimal',
    max_wal_senders: '0',
    max_logical_replication_workers: '0',
    min_wal_size: '32MB',
    max_wal_size: '512MB',
    autovacuum_max_workers: '2',
    timezone: 'UTC',
    log_timezone: 'UTC',
    log_line_prefix: '%m [%p] ',
    // Of crashes and recovery. Failed statements lie below it: they are the application's to log, with what it was doing.
    log_min_messages: 'log',
    log_checkpoints: 'off',
    log_autovacuum_min_duration: '-1',
    ...extra,
  };
  return ['-D', clusterPath, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}
