/** Why a deployment stands where it stands, and what to do. */
export const deployJa = {
  'deploy.already-current': 'すでに最新です。',
  'deploy.other-variant': '同じ番号の別バリアントがインストールされています。指定された場合にのみ配信します。',
  'deploy.newer-installed': 'より新しいバージョンがインストールされています。',
  'deploy.not-licensed': 'ライセンスがないか、有効期限が切れています。',
  'deploy.not-supported': 'この製品はこのコンポーネントに対応していません。',
  'deploy.agent-blocked': 'この製品はブロックされています。',
  'deploy.agent-pending': 'この製品は承認待ちです。',
  'deploy.no-ring': '配信計画のどのリングの対象でもありません。',
  'deploy.too-many-failures':
    '一時停止: リング {{ring}} ({{name}}) で {{measured}} が失敗しました (上限 {{limit}})。失敗した製品を確認して再試行し、再開または中止してください。',
  'deploy.too-many-timeouts':
    '一時停止: リング {{ring}} ({{name}}) の {{measured}} 台の製品から時間内に結果が届きません (上限 {{limit}} 台)。通信できるか確認し、再開または中止してください。',
  'deploy.gate-unreachable':
    '一時停止: リング {{ring}} ({{name}}) は成功率 {{limit}} に届きません (現在 {{measured}})。失敗分を再試行するか、リングを通過させるか、中止してください。',
  'deploy.paused-by-person': '{{actor}} が一時停止しました。再開または中止してください。',
  'deploy.aborted-by-person': '{{actor}} が中止しました。',
  'deploy.gate-not-open': 'リングはまだ開始していません。',
  'deploy.gate-not-ended': 'リング内の十分な数の製品が完了するのを待っています。',
  'deploy.gate-share': '十分な数の製品が成功するのを待っています。',
  'deploy.gate-soak': '成功率に達しました。経過観察時間が過ぎるのを待っています。',
  'deploy.gate-approval': '担当者の承認を待っています。',
} as const;
