/** What keeps the server, its disk and its HTTP from working, and what any request may be told. */
export const serverErrorsEn = {
  'error.config-unreadable': 'The file .env exists but cannot be read.',
  'error.config-invalid': 'The configuration has {{count}} fault(s).',
  'error.socket-directory-taken':
    '{{directory}} is needed as the directory of a socket, but is something else or belongs to another user ({{ownerUid}}). Remove it.',
  'error.unsupported-media-type': 'Send JSON as application/json, or an upload as multipart/form-data.',
  'error.unsupported-media-type.no-form': 'This takes no form.',
  'error.api-unavailable': 'The management process does not answer; try again in a moment.',
  'error.idempotency-key-invalid': 'Idempotency-Key must be 1 to 200 visible ASCII characters.',
  'error.idempotency-key-reused': 'This Idempotency-Key was used for another order.',
  'error.idempotency-in-progress': 'The first order with this key is still being worked on.',
  'error.idempotency-in-progress.taken-over': 'A later request with this key has taken over.',
  'error.no-listener': 'Both listeners are off: there would be nothing to connect to.',
  'error.tls-key-pair-missing': 'The HTTPS listener needs a certificate and its key.',
  'error.port-in-use':
    'Port {{port}} on {{host}} is in use by another program. Stop that program, or choose another port (0 = any free one).',
  'error.port-forbidden':
    'Port {{port}} may not be opened by this user. Choose a port above 1023, or grant the right to bind low ports.',
  'error.address-not-available': '{{host}} is not an address of this machine.',
  'error.validation-failed': 'Not accepted: {{faults}}.',
  'error.secret-key-damaged':
    '{{keyFile}} does not hold a key of {{keyBytes}} bytes; restore it from the backup, or remove it and enter every secret again.',
  'error.secret-unreadable': 'A stored secret cannot be read with this key; enter it again.',
  'error.tls-file-unreadable': '{{path}} cannot be read.',
  'error.tls-half-configured':
    'Only one of the certificate file and the key file is given: give both, or neither for a self-issued certificate.',
  'error.tls-certificate-invalid': 'The certificate ({{certFile}}) or its key ({{keyFile}}) is not in PEM form.',
  'error.tls-certificate-invalid.no-pem': '{{path}} holds no PEM certificate.',
  'error.tls-key-mismatch': 'The key in {{keyFile}} does not belong to the certificate in {{certFile}}.',
  'error.tls-pair-refused':
    'A new certificate lies in the files, but cannot be used: {{why}} The earlier one stays in force until the next start. Put the right pair there; it is taken within seconds.',
  'error.tls-certificate-expired': 'The certificate expired at {{notAfter}}.',
  'error.tls-certificate-not-yet-valid': 'The certificate is not valid before {{notBefore}}.',
  'error.internal': 'An unexpected fault occurred; the log has the details.',
  'error.internal.no-database': 'There is no database.',
  'error.database-absent':
    'There is no database in {{path}}. Is HAISHIN_DATA_DIR right? "haishin serve" makes one at its first start.',
  'error.database-absent.no-tables':
    'There are no tables of Haishin in the database. Is DATABASE_URL right? "haishin serve" makes them.',
  'error.stopping': 'The server is being stopped.',
  'error.disk-full': 'The disk is full: nothing more can be stored.',
  'error.disk-read-only': 'The disk is read-only.',
  'error.disk-permission': 'The disk refuses access.',
  'error.disk-permission.of-path': 'The rights on {{path}} do not allow this account what it needs.',
  'error.disk-failure': 'The disk reported a read or write failure.',
  'error.bad-request': 'The request cannot be answered.',
  'error.unauthenticated': 'The request is not authenticated.',
  'error.forbidden': 'This is not allowed.',
  'error.not-found': 'There is nothing at this address for this method. GET /api/docs describes the API.',
  'error.method-not-allowed': 'The resource does not take this method.',
  'error.conflict': 'The request does not fit the state of things.',
  'error.body-not-utf8': 'The body of the request is not UTF-8, so nothing was done. Send it as UTF-8.',
  'error.body-too-large': 'The body of the request is too large.',
  'error.too-many-requests': 'There are too many requests at once; try again later.',
  'error.unavailable': 'The server cannot answer just now; try again later.',
  'error.starting.part': 'It has not started yet.',
  'error.starting': 'The server is starting. Content is served already. Try again soon.',
} as const;
