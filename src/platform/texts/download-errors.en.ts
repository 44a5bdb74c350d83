/** What is told of downloads, uploads and rollbacks. */
export const downloadErrorsEn = {
  'error.download-unknown': 'There is no download {{id}}.',
  'error.download-unknown.malformed': 'There is no such download.',
  'error.download-running': 'A download is running already.',
  'error.download-ended': 'The download has ended: {{state}}.',
  'error.server-stopping': 'The server is being stopped.',
  'error.source-is-self':
    "{{url}} is this server itself: it would mirror what it publishes, and never get anything new. The settings stay as they were; name the vendor's server or another Haishin.",
  'error.source-is-self.answering':
    "{{url}} answers with the very snapshot that this server publishes: it leads back to this server, perhaps through a proxy or under another name, or to a copy of it that has published nothing since, and has nothing new. What is published stays in force; name the vendor's server or another Haishin in the settings.",
  'error.rollback-path-conflict':
    '{{wanted}} would come back, but {{path}} of {{sharer}} stays: one path cannot be a file and a folder. Nothing was changed. Put {{sharer}} back first, or name another release to go back to.',
  'error.rollback-path-conflict.ownerless':
    '{{wanted}} would come back, but {{path}} of {{owner}} stays: one path cannot be a file and a folder. Nothing was changed. Name another release to go back to.',
  'error.rollback-shared-file':
    '{{path}} also belongs to {{sharer}}, of which no earlier release has the same content; name another release to go back to. Nothing was changed.',
  'error.rollback-shared-file.ownerless':
    '{{path}} also belongs to {{owner}}, which belongs to no component; add it to the entries of {{component}}, then they go back together. Nothing was changed.',
  'error.rollback-impossible': 'There is no release of {{component}} to go back to.',
  'error.component-not-licensed': '{{component}} needs the licence {{licence}}, which is missing or has expired.',
  'error.component-not-selected':
    '{{component}} is not selected for mirroring; add it to the selection of the update source first.',
  'error.component-unknown.listed': 'There is no component {{components}}.',
  'error.selection-empty.components': 'The selection names no component: nothing would be mirrored.',
  'error.schedule-never':
    'The exceptions leave no time at which this schedule could start a download; take some out, or switch it off.',
  'error.unsupported-media-type.form-wanted': 'Send a form of type multipart/form-data.',
  'error.upload-field-unknown': 'The form has no part {{field}}.',
  'error.upload-field-twice': 'The part {{field}} may be there only once.',
  'error.upload-file-missing': 'The form has no part file.',
  'error.upload-file-missing.no-file': 'The part {{field}} must be a file with a name.',
  'error.upload-empty': 'The part {{field}} has no content.',
  'error.version-invalid.length': 'version must be a text of 1 to 64 characters.',
  'error.version-invalid.of-component': '{{version}} is no version of {{id}}.',
  'error.upload-too-large': 'A file may have {{maxBytes}} bytes at most.',
  'error.upload-interrupted': 'The upload broke off before its end; send it again.',
  'error.upload-malformed': 'The form cannot be read: {{reason}}.',
  'error.upload-malformed.too-many-parts': 'The form has more parts than file, version and signature.',
  'error.file-name-invalid.path': 'The file cannot be served as {{path}}: {{why}}.',
  'error.file-name-invalid.reserved': '{{name}} cannot be uploaded as a release: the name is reserved.',
  'error.file-name-invalid.characters':
    'The file needs a name with letters A to Z or digits before its ending, {{limit}} characters at most: products ask for it under that name.',
  'error.path-taken': '{{path}} belongs to {{component}}; give the file another name.',
  'error.path-taken.by-nobody': '{{path}} belongs to an entry of no component; give the file another name.',
  'error.internal.upload-lost': 'The uploaded release is not in the snapshot that was made for it.',
  'error.internal.upload-empty': 'An upload without content.',
  'error.version-missing':
    'The name of the file does not tell the version: give it ("version"; on the command line --version).',
  'error.download-lost':
    'The download was taken for dead, and another one may have published since. Nothing was published; the next one goes on from here.',
  'error.download-interrupted': 'The server process ended while this ran; what was published before stays in force.',
  'error.download-interrupted.of-process':
    'The server process {{pid}} on {{node}} ended while this ran; what was published before stays in force.',
} as const;
