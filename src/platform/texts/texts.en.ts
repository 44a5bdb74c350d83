import { agentErrorsEn } from './agent-errors.en.js';
import { cliErrorsEn } from './cli-errors.en.js';
import { cliEn } from './cli-texts.en.js';
import { databaseErrorsEn } from './database-errors.en.js';
import { deployEn } from './deploy-texts.en.js';
import { downloadErrorsEn } from './download-errors.en.js';
import { downloadEn } from './download-texts.en.js';
import { fieldEn } from './field-texts.en.js';
import { helpEn } from './help-texts.en.js';
import { mirrorErrorsEn } from './mirror-errors.en.js';
import { orderErrorsEn } from './order-errors.en.js';
import { problemEn } from './problem-texts.en.js';
import { quickstartEn } from './quickstart-texts.en.js';
import { reasonEn } from './reason-texts.en.js';
import { fleetEn } from './fleet-texts.en.js';
import { sampleEn } from './sample-texts.en.js';
import { serverErrorsEn } from './server-errors.en.js';
import { targetEn } from './target-texts.en.js';
import { upstreamErrorsEn } from './upstream-errors.en.js';
import { usageEn } from './usage-texts.en.js';

export const en = {
  'event.schedule.updated': 'Scheduled update: {{component}} {{version}} was downloaded and published.',
  'event.schedule.failed':
    'Scheduled update: {{component}} could not be updated ({{reason}}). {{current}} stays in force.',
  'event.manual.updated': 'Manual update: {{component}} {{version}} was downloaded and published.',
  'event.manual.failed': 'Manual update: {{component}} could not be updated ({{reason}}). {{current}} stays in force.',
  'event.manual.unchanged': 'Manual update: {{component}} {{version}} is current already.',
  'event.upload.updated': 'Upload: {{component}} {{version}} was stored and published.',
  'event.upload.unchanged': 'Upload: {{component}} {{version}} was published already, with this very content.',
  'event.upload.recorded': 'Upload: {{component}} {{version}} was stored; something at least as new stays in force.',
  'event.upload.failed': 'Upload: a file for {{component}} was refused ({{reason}}).',
  'event.rollback.updated': 'Rollback: {{component}} was put back to {{version}} and left the schedule.',
  'event.resume.updated': 'Resumed: {{component}} follows the schedule again.',
  'event.resume.versioned':
    'Resumed: {{component}} follows the schedule again; {{version}} stays in force until a download brings another.',
  'event.none': 'no version',
  'event.in-channel': '{{what}} ({{channel}} channel)',
  'event.deployment.paused':
    'Deployment {{deployment}} paused itself in ring {{ring}} ({{reason}}). Look at it, then resume or abort it.',
  'event.deployment.awaiting-approval': 'Deployment {{deployment}} waits for an approval of ring {{ring}}.',
  ...cliEn,
  ...deployEn,
  ...downloadEn,
  ...helpEn,
  ...quickstartEn,
  ...fleetEn,
  ...sampleEn,
  ...usageEn,
  ...targetEn,
  ...cliErrorsEn,
  ...serverErrorsEn,
  ...databaseErrorsEn,
  ...mirrorErrorsEn,
  ...upstreamErrorsEn,
  ...agentErrorsEn,
  ...orderErrorsEn,
  ...downloadErrorsEn,
  ...reasonEn,
  ...problemEn,
  ...fieldEn,
} as const;
