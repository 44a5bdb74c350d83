/** What the update log says of a download as a whole, and of what belongs to no component. */
export const downloadEn = {
  'run.schedule': 'Scheduled update',
  'run.manual': 'Manual update',
  'run.failed.source':
    '{{run}}: the update source could not be read ({{reason}}). Everything that is published stays in force. The server tries again at the next scheduled time, if the schedule is on; to try sooner, check the source in the settings and the network, then start a download.',
  'run.failed.cooling-down':
    '{{run}}: the update source was not asked ({{reason}}): it refused access or asked for a pause, and is left alone until {{until}}. Everything that is published stays in force. The first scheduled update after that asks again, if the schedule is on; a manual download asks at once.',
  'run.failed.source.channel':
    '{{run}}: nothing new came into the {{channel}} channel ({{reason}}). Everything that is published in this channel stays in force. The server tries again at the next scheduled time, if the schedule is on; to try sooner, check the {{channel}} source in the settings and the network, then start a download.',
  'run.failed.cooling-down.channel':
    "{{run}}: the {{channel}} channel's own update source was not asked ({{reason}}): it refused access or asked for a pause, and is left alone until {{until}}. Everything that is published in this channel stays in force. The first scheduled update after that asks again, if the schedule is on; a manual download asks at once.",
  'run.failed.passed-over':
    '{{run}}: the update source {{source}} could not be used ({{reason}}); the next one in the settings was read instead. It may offer older versions, or fewer components. The server asks this source first again at every download; check it and the network.',
  'run.failed.passed-over.in-part':
    '{{run}}: the update source {{source}} could not deliver every file ({{reason}}); what it lacked was taken from the next source in the settings, whose manifest says the very same of it. The record of the download names the source of each such component. The server asks this source first again at every download; check it and the network.',
  'run.failed.server':
    '{{run}}: it could not be carried out ({{reason}}). Everything that is published stays in force. The server tries again at the next scheduled time, if the schedule is on; the record of the download says what has to be put right.',
  'run.failed.interrupted':
    '{{run}}: the server process ended while it ran ({{reason}}). Everything that is published stays in force. The next download goes on from what was fetched; the server starts one at the next scheduled time, if the schedule is on.',
  'run.cancelled':
    '{{run}}: cancelled by {{actor}}. Everything that is published stays in force; the next download goes on from what was fetched.',
  'run.stopped':
    '{{run}}: ended because the server was stopped. Everything that is published stays in force; the next download goes on from what was fetched.',
  'component.updated.older':
    '{{run}}: {{component}} {{version}} was downloaded and published. It is older than {{before}}, which was in force before: the source offers nothing newer. If it should not be so, check the source, or upload the newer version.',
  'component.restored':
    '{{run}}: {{component}} {{version}} is current; content of it that was lost on the disk was fetched again.',
  'component.failed.versionless':
    '{{run}}: {{component}} could not be updated ({{reason}}). Everything that is published stays in force; the next download tries again.',
  'outcome.updated': 'updated',
  'outcome.unchanged': 'unchanged',
  'outcome.failed': 'failed',
  'outcome.not-carried': 'not-carried',
  'outcome.held': 'held',
  'outcome.left-out': 'left-out',
  'outcome.not-selected': 'not-selected',
  'entry.failed':
    '{{run}}: the manifest entry {{component}}, which belongs to no component, could not be taken over ({{reason}}). What is published of it stays in force; the next download tries again.',
} as const;
