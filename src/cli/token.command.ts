import { InvalidArgumentError, Option, type Command } from 'commander';
import type { DataSource } from 'typeorm';
import { loadConfig, type Config } from '../config/config.js';
import { migrate } from '../database/migrator.js';
import { ApiTokenService, AuditService, ROLES, type Role } from '../modules/accounts/accounts.api.js';
import { systemClock } from '../platform/clock/clock.js';
import { AppError } from '../platform/errors/app-error.js';
import { createLogger } from '../platform/logging/logger.js';
import { requireEmbedded } from '../server/embedded.js';
import { withDatabase } from './borrowed-database.js';
import { localTime, say } from './language.js';
import { printed } from './print-document.js';

/** In the audit: whoever may run commands on this host. */
const ACTOR = 'command line';

/** Tokens, and the lines of the audit that belong to what is done with them. */
class AuditedTokens {
  readonly tokens: ApiTokenService;
  private readonly audit: AuditService;

  constructor(dataSource: DataSource) {
    this.tokens = new ApiTokenService(dataSource, systemClock);
    this.audit = new AuditService(dataSource, systemClock);
  }

  create(name: string, role: Role, expiresAt: Date | null): ReturnType<ApiTokenService['create']> {
    return this.tokens.create({ name, role, createdBy: ACTOR, expiresAt }, (manager, { id }) =>
      this.audit.record(ACTOR, 'token.create', id, { name, role, expiresAt }, manager),
    );
  }

  async revoke(idOrName: string): Promise<{ id: string; name: string }[]> {
    let ended: { id: string; name: string }[] = [];
    await this.tokens.revoke(idOrName, async (manager, revoked) => {
      for (const { id, name } of revoked) await this.audit.record(ACTOR, 'token.revoke', id, { name }, manager);
      ended = revoked.map(({ id, name }) => ({ id, name }));
    });
    return ended;
  }
}

/**
 * Works beside a running server and without: tokens are what one needs when nothing else works.
 * @param place `existing`: where there is no database, none is made, because the directory is most likely the wrong one
 */
async function withTokens<T>(
  config: Config,
  place: 'existing' | 'new-too',
  work: (audited: AuditedTokens) => Promise<T>,
): Promise<T> {
  const logger = createLogger('warn');
  if (config.databaseUrl === undefined && place === 'existing') await requireEmbedded(config);
  return withDatabase(config, logger, async ({ url, dataSource }) => {
    // One that is there stays as it is: a server of an earlier version may be at work on it.
    if (!(await knowsTokens(dataSource))) {
      if (place === 'existing') throw new AppError('bad-input', 'database-absent.no-tables');
      await migrate({ url, logger });
    }
    return work(new AuditedTokens(dataSource));
  });
}

async function knowsTokens(dataSource: DataSource): Promise<boolean> {
  const [row] = await dataSource.query<{ known: boolean }[]>(`select to_regclass('api_token') is not null as known`);
  return row?.known === true;
}

const MOST_DAYS = 36_500;

function days(text: string): number {
  const count = /^\d{1,5}(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (count > 0 && count <= MOST_DAYS) return count;
  throw new InvalidArgumentError(say('usage.days', { most: MOST_DAYS }));
}

function tokenName(text: string): string {
  const name = text.trim();
  if (name === '' || name.length > 200) throw new InvalidArgumentError(say('usage.name'));
  return name;
}

function validityOf({ revokedAt, expiresAt }: { revokedAt: Date | null; expiresAt: Date | null }, now: Date): string {
  if (revokedAt !== null) return say('cli.token.revoked');
  if (expiresAt === null) return say('cli.token.valid');
  return say(expiresAt <= now ? 'cli.token.expired' : 'cli.token.until', { at: localTime(expiresAt) });
}

export function registerToken(program: Command): void {
  const token = program.command('token').description(say('help.tokens'));
  token
    .command('create')
    .description(say('help.tokens.create'))
    .argument('<name>', say('help.tokens.name'), tokenName)
    .addOption(new Option('--role <role>', say('help.tokens.role')).choices(ROLES).default('administrator'))
    .option('--days <days>', say('help.tokens.days'), days)
    .option('--json', say('help.json'))
    .action(async (name: string, options: { role: Role; days?: number; json?: boolean }) => {
      const expiresAt = options.days === undefined ? null : new Date(Date.now() + options.days * 86_400_000);
      await withTokens(loadConfig(), 'new-too', async (audited) => {
        const made = await audited.create(name, options.role, expiresAt);
        const { id } = made.record;
        const text = options.json ? JSON.stringify({ id, name, role: options.role, token: made.token }) : made.token;
        await printed(`${text}\n`).catch(async (cause: unknown) => {
          await audited.revoke(id);
          throw new AppError('bad-input', 'token-not-printed', { cause });
        });
      });
    });
  token
    .command('list')
    .description(say('help.tokens.list'))
    .option('--json', say('help.json'))
    .action(async (options: { json?: boolean }) => {
      const rows = await withTokens(loadConfig(), 'existing', ({ tokens }) => tokens.list());
      const views = rows.map(({ tokenHash: _secret, ...row }) => row);
      if (options.json) process.stdout.write(`${JSON.stringify(views, null, 2)}\n`);
      else
        for (const row of views)
          process.stdout.write(
            `${row.id}  ${row.role.padEnd(13)}  ${row.name}  ${validityOf(row, systemClock.now())}\n`,
          );
    });
  token
    .command('revoke')
    .description(say('help.tokens.revoke'))
    .argument('<id-or-name>', say('help.tokens.which'))
    .option('--json', say('help.json'))
    .action(async (idOrName: string, options: { json?: boolean }) => {
      const ended = await withTokens(loadConfig(), 'existing', (audited) => audited.revoke(idOrName));
      const text = options.json ? JSON.stringify(ended, null, 2) : say('cli.token.ended', { count: ended.length });
      process.stdout.write(`${text}\n`);
    });
}
