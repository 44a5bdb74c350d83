import { agentErrorsJa } from './agent-errors.ja.js';
import { cliErrorsJa } from './cli-errors.ja.js';
import { cliJa } from './cli-texts.ja.js';
import { databaseErrorsJa } from './database-errors.ja.js';
import { deployJa } from './deploy-texts.ja.js';
import { downloadErrorsJa } from './download-errors.ja.js';
import { downloadJa } from './download-texts.ja.js';
import { fieldJa } from './field-texts.ja.js';
import { helpJa } from './help-texts.ja.js';
import { mirrorErrorsJa } from './mirror-errors.ja.js';
import { orderErrorsJa } from './order-errors.ja.js';
import { problemJa } from './problem-texts.ja.js';
import { quickstartJa } from './quickstart-texts.ja.js';
import { reasonJa } from './reason-texts.ja.js';
import { fleetJa } from './fleet-texts.ja.js';
import { sampleJa } from './sample-texts.ja.js';
import { serverErrorsJa } from './server-errors.ja.js';
import { targetJa } from './target-texts.ja.js';
import { upstreamErrorsJa } from './upstream-errors.ja.js';
import { usageJa } from './usage-texts.ja.js';

export const ja = {
  'event.schedule.updated': '予約アップデート: {{component}} {{version}} を取得し、公開しました。',
  'event.schedule.failed':
    '予約アップデート: {{component}} を更新できませんでした ({{reason}})。{{current}} の配信を続けます。',
  'event.manual.updated': '手動アップデート: {{component}} {{version}} を取得し、公開しました。',
  'event.manual.failed':
    '手動アップデート: {{component}} を更新できませんでした ({{reason}})。{{current}} の配信を続けます。',
  'event.manual.unchanged': '手動アップデート: {{component}} {{version}} はすでに最新です。',
  'event.upload.updated': 'アップロード: {{component}} {{version}} を保存し、公開しました。',
  'event.upload.unchanged': 'アップロード: {{component}} {{version}} は同じ内容ですでに公開されています。',
  'event.upload.recorded':
    'アップロード: {{component}} {{version}} を保存しました。同じか、より新しいバージョンの配信を続けます。',
  'event.upload.failed': 'アップロード: {{component}} のファイルを受け付けませんでした ({{reason}})。',
  'event.rollback.updated': 'ロールバック: {{component}} を {{version}} に戻し、予約の対象から外しました。',
  'event.resume.updated': '再開: {{component}} は再び予約アップデートの対象です。',
  'event.resume.versioned':
    '再開: {{component}} は再び予約アップデートの対象です。次のダウンロードまで {{version}} の配信を続けます。',
  'event.none': 'バージョンなし',
  'event.in-channel': '{{what}} ({{channel}} チャネル)',
  'event.deployment.paused':
    '配信 {{deployment}} がリング {{ring}} で一時停止しました ({{reason}})。確認して再開または中止してください。',
  'event.deployment.awaiting-approval': '配信 {{deployment}} がリング {{ring}} の承認を待っています。',
  ...cliJa,
  ...deployJa,
  ...downloadJa,
  ...helpJa,
  ...quickstartJa,
  ...fleetJa,
  ...sampleJa,
  ...usageJa,
  ...targetJa,
  ...cliErrorsJa,
  ...serverErrorsJa,
  ...databaseErrorsJa,
  ...mirrorErrorsJa,
  ...upstreamErrorsJa,
  ...agentErrorsJa,
  ...orderErrorsJa,
  ...downloadErrorsJa,
  ...reasonJa,
  ...problemJa,
  ...fieldJa,
} as const;
