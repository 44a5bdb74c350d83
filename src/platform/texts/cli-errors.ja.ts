import type { cliErrorsEn } from './cli-errors.en.js';

export const cliErrorsJa = {
  'error.token-malformed':
    'トークンに、空白や改行など、トークンに使われない文字が含まれています。トークン全体を、余分な文字を付けずに指定してください。',
  'error.server-not-running':
    'このデータディレクトリのサーバは動作していません ({{file}} がありません)。"haishin serve" で起動するか、HAISHIN_URL と HAISHIN_TOKEN で別のサーバを指定してください。',
  'error.server-certificate-untrusted':
    '{{url}} の証明書を信頼できません: {{untrusted}}。何も送信していません。正しいサーバであれば、その証明書または認証局の証明書のファイルを NODE_EXTRA_CA_CERTS に指定してください。',
  'error.server-unreachable':
    'サーバ {{url}} に接続できません ({{reason}})。サーバが動作しているか、URL が正しいかを確認してください。',
  'error.not-a-haishin':
    '{{url}} の応答は Haishin のものではありません。アドレスが正しいか、プロキシやログインページが代わりに応答していないか確認してください。',
  'error.file-not-found': 'ファイル {{path}} がありません。',
  'error.file-not-found.unreadable': 'ファイル {{path}} を読み取れません。',
  'error.not-a-file': '{{path}} はファイルではありません。',
  'error.file-not-writable': '{{file}} に書き込めません: {{reason}}',
  'error.not-sample-data.source':
    'このデータディレクトリのサーバは {{url}} をミラーしています。quickstart はサンプルデータ専用です。別の HAISHIN_DATA_DIR を指定してください。',
  'error.not-sample-data.content':
    '{{path}} には、別のデータベースの公開済みの内容があります。quickstart はサンプルデータ専用です。何も変更していません。別の HAISHIN_DATA_DIR を指定するか、この内容のデータベースを DATABASE_URL で指定してください。',
  'error.mirror-failed': '何もミラーできませんでした: {{reason}}',
  'error.stopping.tour': 'クイックスタートを終了しています。',
  'error.http-needed': 'クイックスタートには HTTP が必要です。HAISHIN_HTTP_PORT を設定せずに実行してください。',
  'error.database-unavailable.configured':
    'DATABASE_URL のデータベースに接続できません。理由はログを確認してください。組み込みのデータベースを使う場合は、DATABASE_URL を設定せずに実行してください。',
  'error.nothing-to-verify': '{{dataDir}} にはまだ何も保存されていません。',
  'error.gateway-token-missing':
    '--gateway-token または --gateway-token-file を指定してください。トークンは POST /api/v1/enrolment-tokens に kind "gateway" を指定して作成できます。',
  'error.port-in-use.sample': '{{host}} のポート {{port}} は使用中です。別のポートを指定してください。',
  'error.sample-no-japan-tree': 'このサンプルツリーには japan のツリーがありません。',
  'error.sample-component-unknown': 'サンプルツリーにコンポーネント "{{name}}" はありません。',
  'error.sample-unit-lost': '{{id}} のリリースがありません。',
  'error.sample-directory-not-a-tree':
    '{{directory}} には ActiveUpdate のツリー以外のものがあり、置き換えられてしまいます。空の、または新しいディレクトリを指定してください。',
  'error.token-missing.host':
    'サーバがまだデータベースに接続できていないため、このホストのコマンド用のトークンがありません。しばらくしてからもう一度実行するか、HAISHIN_TOKEN でトークンを指定してください。',
  'error.token-missing.server': '{{url}} のトークンが必要です。HAISHIN_TOKEN で指定してください。',
  'error.token-not-printed':
    'トークンを出力できませんでした。誰にも表示されていないため失効させました。もう一度作成してください。',
  'error.output-failed': '出力を書き込めませんでした: {{reason}}',
  'error.nothing-published':
    '{{dataDir}} ではまだ何も公開されていません。サーバのデータディレクトリ (HAISHIN_DATA_DIR) が正しいか確認してください。',
} as const satisfies Record<keyof typeof cliErrorsEn, string>;
