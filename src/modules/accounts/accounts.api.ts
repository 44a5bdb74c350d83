/** What other modules may use of accounts. */
export { ApiTokenService, type Actor } from './api-token.service.js';
export { AdministratorsOnly } from './administrators.js';
export { actorOf, admit, requireToken } from './authentication.hook.js';
export { ROLES, type Role } from './api-token.entity.js';
export { LocalTokenService } from './local-token.service.js';
export { AuditService } from './audit.service.js';
