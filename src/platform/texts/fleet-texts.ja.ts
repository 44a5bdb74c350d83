import type { fleetEn } from './fleet-texts.en.js';

export const fleetJa = {
  'help.fleet': '登録・ポーリング・アップデートを行う製品を模擬します (デモ、テスト、性能測定用)',
  'help.fleet.long':
    'サーバと DDI で通信する管理対象製品を模擬します。実際には何もインストールしませんが、サーバから見える通信は\n本物です。割合は 0 から 1 で、それぞれ別の製品に割り当てられます。Ctrl-C で終了します。',
  'help.fleet.url': 'サーバの URL',
  'help.fleet.gateway-token': '製品の登録に使う、サーバのゲートウェイトークン',
  'help.fleet.gateway-token-file': 'ゲートウェイトークンを書いたファイル',
  'help.fleet.agents': '製品の数',
  'help.fleet.prefix': 'コントローラ ID の先頭に付ける文字列',
  'help.fleet.slow': 'アップデートに --slow-ms の時間がかかる製品の割合',
  'help.fleet.failing': 'アップデートがすべて失敗に終わる製品の割合',
  'help.fleet.offline': '登録した後、二度と接続しない製品の割合',
  'help.fleet.duplicate': '1 つの ID を 2 台で使う製品の割合',
  'help.fleet.repeating': 'フィードバックを 2 回ずつ送る製品の割合',
  'help.fleet.cancel-refusing': 'キャンセルを指示されても続行する製品の割合',
  'help.fleet.work-ms': 'アップデートにかかる時間 (ミリ秒)',
  'help.fleet.slow-ms': '遅い製品でアップデートにかかる時間 (ミリ秒)',
  'help.fleet.wait': 'ポーリングの応答を保留するよう求める時間 (秒)。0 = 保留しない',
  'help.fleet.poll': '保留しないポーリングの間隔 (秒)。省略するとサーバの指示に従います',
  'help.fleet.per-second': '1 秒あたりに開始する製品の数',
  'help.fleet.no-download': 'ファイルを取得せず、ダウンロードしたと報告だけします',
  'help.fleet.ca': 'サーバの証明書 (PEM)',
  'help.fleet.seconds': '終了するまでの時間 (秒)',
  'help.fleet.json': 'テキストの代わりに JSON を 1 行ずつ出力します',
  'cli.fleet.report':
    '登録 {{enrolled}}/{{agents}}、保留中のポーリング {{held}}、アップデート開始 {{started}}、成功 {{succeeded}}、失敗 {{failed}}、キャンセル {{cancelled}}',
  'cli.fleet.errors': '{{report}}、エラー {{errors}} ({{lastError}})',
} as const satisfies Record<keyof typeof fleetEn, string>;
