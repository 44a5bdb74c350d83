/** Faults of manifests, contents, trees and snapshots. */
export const mirrorErrorsEn = {
  'error.component-exists': 'There is a component {{id}} already.',
  'error.entry-claimed':
    'The manifest entry {{entry}} belongs to {{component}}; take it out of the entries there first.',
  'error.component-unknown': 'There is no component {{component}} in the catalogue.',
  'error.manifest-too-large': 'The manifest is larger than any real one: it is not read.',
  'error.manifest-not-ini':
    'What the source sent as its manifest is not one: it has no [Common], [PATTERN] or [ENGINE] section.',
  'error.manifest-too-many-files': 'The manifest names more files than any real one.',
  'error.proxy-incomplete': 'A proxy that is enabled needs its url.',
  'error.proxy-password-needed':
    'The password that is kept is for the url and username set so far: give it again with the new ones, or null for none.',
  'error.manifest-inconsistent.two-contents':
    '{{path}} would have two contents. Nothing was published; what was published before stays in force.',
  'error.manifest-inconsistent.not-held':
    'The manifest would name {{path}}, which is not held with that size. Nothing was published; what was published before stays in force.',
  'error.manifest-lost':
    'The manifest of channel {{channel}}, or the index that tells what is published there, is lost. A download makes it anew; start one, then try again.',
  'error.manifest-lost.not-remade':
    'The manifest of channel {{channel}}, or the index that tells what is published there, is lost, and could not be made anew from the source.',
  'error.snapshot-damaged.index':
    'The index of snapshot {{snapshot}} ({{channel}}) cannot be read, so nobody knows what it needs. Nothing was removed.',
  'error.disk-full.run':
    'This needs {{neededBytes}} bytes, but only {{freeBytes}} of what the disk has left may be used: {{reservedBytes}} bytes are kept for the database and the logs.',
  'error.disk-full.file':
    'There is no room for {{path}}: the source does not announce its size, and the disk has nothing left beside what other files need and the {{reservedBytes}} bytes that are kept for the database and the logs. Make room, or leave its component out.',
  'error.disk-full.data-directory':
    'The disk of the data directory has no more left than the {{reservedBytes}} bytes that are kept for the database and the logs. What is published is still served, but downloads end with disk-full until there is room.',
  'error.disk-failure.data-directory':
    'The disk of the data directory cannot be looked at ({{errno}}): downloads will fail. See whether the directory is there.',
  'error.content-not-served':
    '{{faults}} A lost index is made anew when the database is there; where its tree is lost too, the next download makes both anew.',
  'error.cancelled': 'Cancelled.',
  'error.cancelled.download': 'The download was cancelled.',
  'error.cancelled.transfer': 'The transfer was cancelled.',
  'error.cancelled.check': 'The check was cancelled.',
  'error.cancelled.export': 'The export was cancelled.',
  'error.upstream-publishing.unsigned':
    'The source has no signature for {{path}} yet: it seems to be in the middle of publishing.',
  'error.upstream-publishing.unsigned-for-now':
    'The source has no signature for {{path}} yet. The component may do without: the file is taken as it is when that is still so in an hour.',
  'error.signatures-gone':
    'Since {{unsignedSince}} the source has had no signatures for new files of {{component}}, such as {{path}}, although earlier ones had them; products in secure mode refuse files without. What is published stays. Ask the vendor; if it signs {{component}} no more, set its signatures to optional in the catalogue, and the next download takes the files as they are.',
  'error.signatures-gone.unclaimed':
    'Since {{unsignedSince}} the source has had no signatures for new files of the entry {{entry}}, such as {{path}}, although earlier ones had them; products in secure mode refuse files without. What is published stays. Ask the vendor; if it signs them no more, add a component with this entry to the catalogue, with signatures set to optional, and the next download takes the files as they are.',
  'error.upstream-publishing.signed-before':
    'The source has a new {{path}}, but still the signature of the one before: it seems to be in the middle of publishing; if it says the same in an hour, that is taken as it is.',
  'error.upstream-publishing.breaks-off':
    "The source's manifest breaks off: {{sign}}. It seems to be in the middle of publishing; if it says the same next time, or still breaks off like this in an hour, that is taken as it is.",
  'error.upstream-publishing.changing':
    'The source changed its manifest {{rounds}} times while it was being read; it is in the middle of publishing.',
  'error.upstream-publishing.two-contents':
    '{{path}} came with two contents: the source seems to be in the middle of publishing.',
  'error.manifest-empty': "The source's manifest names no component at all.",
  'error.publishing-lock-lost':
    'The connection that kept other nodes from publishing was lost. Nothing was published; try again.',
  'error.publishing-busy': 'Another publication is under way; try again in a minute.',
  'error.snapshot-unknown': 'There is no snapshot {{id}}.',
  'error.retention-unsafe':
    'Snapshots are recorded, but none is in force on the disk: is the data directory the right one? Nothing was removed.',
  'error.no-source': 'No update source is configured.',
  'error.snapshot-missing':
    'The staged tree of {{channel}} has gone. What was published before stays in force, and the next download makes the tree anew.',
  'error.upstream-cooling-down': 'The source is left alone until {{until}}.',
  'error.no-spelling': 'A file was asked for under no name.',
  'error.upload-unsupported': "{{entry}} is a product's section; it cannot be uploaded.",
  'error.published-index-missing': 'The index of snapshot {{snapshot}} cannot be read.',
  'error.published-index-corrupt': 'The index of snapshot {{snapshot}} is damaged: {{why}}.',
  'error.blob-not-found': 'The content is not held here.',
  'error.blob-id-invalid': 'A blob is named by 64 lower-case hex digits.',
  'error.blob-missing':
    'Content that was to be recorded has gone from the disk since it was stored. What is published stays; the next download, or the same upload, brings it again.',
  'error.blob-missing.in-tree': '{{path}} is not a content that is held.',
  'error.size-mismatch': 'The file has {{received}} bytes where {{expected}} were announced.',
  'error.size-mismatch.longer': 'The file is longer than the {{expected}} bytes that were announced.',
  'error.size-exceeded': 'The file is longer than the {{maxBytes}} bytes that are allowed.',
  'error.internal.closed-file': 'A closed temporary file was written to.',
  'error.internal.no-manifest': 'A snapshot without a manifest is published.',
  'error.data-directory-split':
    '{{directory}} and {{other}} are not on one file system, or not on one mount of it: contents are moved and hard-linked between them. Mount the data directory as a whole; only postgres/, keys/ and tls/ may be mounts of their own. The server does not start like this.',
  'error.hard-links-unsupported':
    'The file system of {{directory}} has no hard links ({{errno}}), of which published trees are made. Put the data directory on one that has them. The server does not start like this.',
  'error.zip-corrupt': 'The ZIP file is damaged: {{why}}.',
  'error.zip-corrupt.member': 'The ZIP file is damaged: {{why}} (member {{quoted}}).',
  'error.content-worker-died': 'A content worker ended ({{ended}}) before it served.',
  'error.shared-file-held-back': '{{path}} also belongs to {{keeper}}, which stays at its earlier release.',
  'error.path-conflict.needs-folder':
    '{{path}} needs a folder where {{file}} is a file of {{keeper}}, which stays at its earlier release.',
  'error.path-conflict.is-folder': '{{path}} is a folder in {{keeper}}, which stays at its earlier release.',
  'error.path-conflict.entries': '{{path}} is a file in {{file}} and a folder in {{folder}}.',
  'error.entry-malformed.increments': '{{unit}} has increments but no entry of its own.',
  'error.entry-malformed.control-characters': 'The line contains control characters.',
  'error.entry-malformed.no-file': '{{key}} names no file.',
  'error.entry-malformed.lacks': '{{key}} lacks a path or a version.',
  'error.path-unsafe': 'The path {{path}} is refused: {{why}}.',
  'error.size-conflict': '{{path}} is said to have {{size}} and {{other}} bytes.',
  'error.size-conflict.entries': '{{path}} has {{size}} bytes in {{unit}} and {{otherSize}} in {{other}}.',
  'error.size-absurd': '{{size}} is no believable size of a file.',
  'error.count-absurd': '{{key}} is no believable count: {{count}}.',
  'error.duplicate-conflict': '{{key}} stands twice with different values.',
  'error.export-directory-foreign':
    '{{path}} has files that are not of an export, and nothing was written. Name an empty directory, or one that is still to be made.',
  'error.export-directory-foreign.file':
    'There is a file where {{path}} would be. Name a directory, or one that is still to be made.',
  'error.export-directory-linked':
    '{{path}} is a link that leads out of the export. Remove it, or name another directory.',
  'error.export-directory-own': '{{path}} lies in the data directory of the server. Name a directory outside of it.',
  'error.export-content-damaged':
    'The stored content of {{path}} is missing or damaged. What was exported before is as it was. "haishin verify" says what is wrong, and what helps.',
} as const;
