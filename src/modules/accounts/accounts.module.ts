import { Global, Module } from '@nestjs/common';
import { AuditController } from './accounts.controller.js';
import { ApiTokenService } from './api-token.service.js';
import { AuditService } from './audit.service.js';

/** Tokens and the audit trail. Accounts, roles of persons and sessions will live here. */
@Global()
@Module({
  controllers: [AuditController],
  providers: [ApiTokenService, AuditService],
  exports: [ApiTokenService, AuditService],
})
export class AccountsModule {}
