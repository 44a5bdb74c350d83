import { Global, Module } from '@nestjs/common';
import { AuditController } from './accounts.controller.js';
import { ApiTokenService } from './api-token.service.js';
import { AuditService } from './audit.service.js';
import { LocalTokenService } from './local-token.service.js';

/** Tokens and the audit trail. Accounts, roles of persons and sessions will live here. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [ApiTokenService, AuditService, LocalTokenService],
  exports: [ApiTokenService, AuditService, LocalTokenService],
})
export class AccountsModule {}
