import type { sampleEn } from './sample-texts.en.js';

export const sampleJa = {
  'help.sample': '新しいバージョンを一定間隔で公開する、架空の ActiveUpdate サーバを起動します',
  'help.sample.long':
    '架空の ActiveUpdate ツリーを HTTP で公開します。ベンダのサーバやインターネット接続なしで Haishin を試せます。マニフェストの文法とファイルの大きさの比率は実物どおりですが、内容はすべて架空です。コンポーネントは順に新しいバージョンになります。Ctrl-C で終了します。',
  'help.sample.port': '待ち受けるポート。0 = 空いているポート',
  'help.sample.host': '待ち受けるアドレス',
  'help.sample.scale': 'ファイルの大きさ。1 = ベンダのものと同じ (1 ツリーあたり約 150 MB)',
  'help.sample.every': '新しいバージョンを公開する間隔 (秒)。0 = 公開しない',
  'help.sample.seed': '値を変えると内容が変わり、同じ値なら同じ内容になります',
  'help.sample.no-japan': 'Japan のツリー (japan/server.ini、.80 のウイルスパターンファイル) を省きます',
  'help.sample.no-signatures': '.sig ファイルを省きます',
  'help.sample.compressed': 'ZIP を実際に圧縮し、検査の負荷を実物と同じにします',
  'help.sample.out': '任意の Web サーバで公開できるディレクトリにツリーを書き出して終了します',
  'help.sample.json': 'テキストの代わりに JSON を 1 行ずつ出力します',
  'help.sample.components': 'コンポーネント: {{components}}',
  'help.sample.examples': '例:',
  'help.sample.example-serve':
    'ポート 9080 で公開します。HAISHIN_UPSTREAM_URL=http://127.0.0.1:9080/activeupdate でミラーできます',
  'help.sample.example-out': 'Web サーバや共有フォルダ用に、約 310 MB (両方のツリー) を書き出します',
  'cli.sample.written': 'サンプルのツリーを {{directory}} に書き出しました: {{files}} ファイル、{{megabytes}} MB',
  'cli.sample.published': '{{at}} {{component}} {{version}} を公開しました',
  'cli.sample.size': '{{files}} ファイル、{{megabytes}} MB',
  'cli.sample.every': '{{seconds}} 秒ごとに新しいバージョンを公開',
  'cli.sample.never': '新しいバージョンは公開しません',
} as const satisfies Record<keyof typeof sampleEn, string>;
