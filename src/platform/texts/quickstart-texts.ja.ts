import type { quickstartEn } from './quickstart-texts.en.js';

export const quickstartJa = {
  'quickstart.upstream': '1. 架空の内容を持つサンプルのアップデート元を {{url}} で起動しました',
  'quickstart.first': '2. 最初のミラーを実行しています …',
  'quickstart.again': '2. 残されていたデータに対して、再度ミラーを実行しています …',
  'quickstart.new-version':
    '3. アップデート元が新しいウイルスパターンファイルを公開しました。再度ミラーを実行しています …',
  'quickstart.channels': '4. 2 つのチャネル:',
  'quickstart.not-there': '(ありません)',
  'quickstart.products':
    '5. サンプルエージェントと {{products}} 台の模擬製品が接続し、そのすべてにウイルスパターンファイルを配信しています …',
  'quickstart.mirrored': '{{state}}、{{megabytes}} MB、{{seconds}} 秒: {{components}}',
  'quickstart.mirrored-many': '{{state}}、{{megabytes}} MB、{{seconds}} 秒、{{components}} コンポーネント',
  'quickstart.deployed': '{{component}} の配信結果: {{results}}',
  'quickstart.result': '{{state}} {{products}} 台',
  'quickstart.result-separator': '、',
  'quickstart.tried-again': '後で再試行',
  'quickstart.try': '次のコマンドを試すことができます:',
  'quickstart.try.global': 'global チャネル',
  'quickstart.try.japan': 'japan チャネル: .80 のウイルスパターンファイル',
  'quickstart.try.control-manager': 'Control Manager 配下の製品と同じ要求',
  'quickstart.try.docs': 'ブラウザで API を参照',
  'quickstart.goes-on':
    'アップデート元は {{seconds}} 秒ごとに新しいバージョンを公開し、すぐにミラーと配信が行われます。予約アップデートは無効です。Ctrl-C ですべて終了します。',
  'quickstart.stays':
    'アップデート元は新しいバージョンを公開しません。予約アップデートは無効です。Ctrl-C ですべて終了します。',
  'quickstart.over': 'ひととおり実行しました。すべて停止します。',
  'cli.target.queued': '待機中',
  'cli.target.delivered': '受領済み',
  'cli.target.downloading': 'ダウンロード中',
  'cli.target.downloaded': 'ダウンロード済み',
  'cli.target.installing': 'インストール中',
  'cli.target.cancelling': 'キャンセル中',
  'cli.target.succeeded': '成功',
  'cli.target.failed': '失敗',
  'cli.target.skipped': 'スキップ',
  'cli.target.superseded': '置き換え済み',
  'cli.target.expired': '期限切れ',
  'cli.target.cancelled': 'キャンセル',
} as const satisfies Record<keyof typeof quickstartEn, string>;
