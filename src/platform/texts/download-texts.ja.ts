import type { downloadEn } from './download-texts.en.js';

export const downloadJa = {
  'run.schedule': '予約アップデート',
  'run.manual': '手動アップデート',
  'run.failed.source':
    '{{run}}: アップデート元を読み取れませんでした ({{reason}})。公開済みの内容はすべてそのまま配信を続けます。次の予約時刻に再試行します。すぐに試すには、アップデート元の設定とネットワークを確認し、ダウンロードを開始してください。',
  'run.failed.cooling-down':
    '{{run}}: アップデート元に接続しませんでした ({{reason}})。アクセスを拒否されたか待機を求められたため、{{until}} まで接続を控えます。公開済みの内容はすべてそのまま配信を続けます。その後の最初の予約アップデートで再試行します。手動ダウンロードはすぐに接続します。',
  'run.failed.japan-source':
    '{{run}}: japan チャネル専用のアップデート元を読み取れませんでした ({{reason}})。公開済みの内容はすべてそのまま配信を続けます。次の予約時刻に再試行します。すぐに試すには、japan 用アップデート元の設定とネットワークを確認し、ダウンロードを開始してください。',
  'run.failed.server':
    '{{run}}: 実行できませんでした ({{reason}})。公開済みの内容はすべてそのまま配信を続けます。次の予約時刻に再試行します。必要な対処はダウンロードの記録を確認してください。',
  'component.failed.nothing':
    '{{run}}: {{component}} を更新できませんでした ({{reason}})。公開済みのバージョンはまだありません。次のダウンロードで再試行します。',
  'entry.failed':
    '{{run}}: どのコンポーネントにも属さないマニフェスト項目 {{component}} を取り込めませんでした ({{reason}})。公開済みの内容はそのまま配信を続けます。次のダウンロードで再試行します。',
} as const satisfies Record<keyof typeof downloadEn, string>;
