/** What problem+json says beside the sentence of its error, and sentences that are made of others. */
export const problemEn = {
  'problem.title.bad-input': 'Bad request',
  'problem.title.unauthenticated': 'Not authenticated',
  'problem.title.forbidden': 'Not allowed',
  'problem.title.not-found': 'Not found',
  'problem.title.conflict': 'Conflict',
  'problem.title.gone': 'Gone',
  'problem.title.too-large': 'Too large',
  'problem.title.media-type': 'Kind of body not taken',
  'problem.title.too-many': 'Too many requests',
  'problem.title.unprocessable': 'Cannot be done',
  'problem.title.internal': 'Internal fault',
  'problem.title.upstream': 'The update source failed',
  'problem.title.unavailable': 'Not available now',
  'problem.title.storage': 'Storage failed',
  'problem.database-not-usable':
    'The database cannot be used yet (the log, and GET /readyz on the server itself, say why); it is tried again. Content is served already. Try again soon.',
  'plan.refused': 'This plan could never run as it stands: {{faults}}',
  'content.channel-not-served': 'Nothing of channel {{channel}} can be served: {{why}}',
  'source.unread.global': "The global channel's source could not be read: {{why}}",
  'source.unread.japan': "The japan channel's own source could not be read: {{why}}",
} as const;
