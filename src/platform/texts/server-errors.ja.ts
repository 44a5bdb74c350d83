import type { serverErrorsEn } from './server-errors.en.js';

export const serverErrorsJa = {
  'error.config-unreadable': '.env ファイルがありますが、読み取れません。',
  'error.config-invalid': '設定に {{count}} 件の誤りがあります。',
  'error.socket-directory-taken':
    '{{directory}} はソケット用のディレクトリとして必要ですが、ディレクトリではないか、別のユーザ ({{ownerUid}}) の所有です。削除してください。',
  'error.unsupported-media-type': 'JSON は application/json、アップロードは multipart/form-data で送信してください。',
  'error.unsupported-media-type.no-form': 'フォームは受け付けません。',
  'error.api-unavailable': '管理プロセスが応答しません。しばらくしてからもう一度実行してください。',
  'error.idempotency-key-invalid': 'Idempotency-Key は、表示可能な ASCII 文字 1～200 文字で指定してください。',
  'error.idempotency-key-reused': 'この Idempotency-Key は別のリクエストで使用済みです。',
  'error.idempotency-in-progress': 'このキーの最初のリクエストはまだ処理中です。',
  'error.idempotency-in-progress.taken-over': '同じキーの後のリクエストが処理を引き継ぎました。',
  'error.no-listener': 'どちらのリスナも無効なため、接続を受け付けられません。',
  'error.tls-key-pair-missing': 'HTTPS リスナには証明書とその秘密鍵が必要です。',
  'error.port-in-use':
    '{{host}} のポート {{port}} は別のプログラムが使用しています。そのプログラムを停止するか、別のポートを指定してください (0 = 空いているポート)。',
  'error.port-forbidden':
    'このユーザはポート {{port}} を開けません。1024 以上のポートを指定するか、低い番号のポートを使用する権限を付与してください。',
  'error.address-not-available': '{{host}} はこのマシンのアドレスではありません。',
  'error.validation-failed': '受け付けられません: {{faults}}。',
  'error.secret-key-damaged':
    '{{keyFile}} に {{keyBytes}} バイトの鍵がありません。バックアップから復元するか、このファイルを削除して、すべてのパスワードなどの秘密情報を入力し直してください。',
  'error.secret-unreadable': '保存されている秘密情報をこの鍵で読み取れません。入力し直してください。',
  'error.tls-file-unreadable': '{{path}} を読み取れません。',
  'error.tls-half-configured':
    '証明書ファイルと秘密鍵ファイルの一方だけが指定されています。両方を指定するか、自己発行の証明書を使う場合はどちらも指定しないでください。',
  'error.tls-certificate-invalid': '証明書 ({{certFile}}) またはその秘密鍵 ({{keyFile}}) が PEM 形式ではありません。',
  'error.tls-certificate-invalid.no-pem': '{{path}} に PEM 形式の証明書がありません。',
  'error.tls-key-mismatch': '{{keyFile}} の秘密鍵は {{certFile}} の証明書のものではありません。',
  'error.tls-pair-refused':
    '新しい証明書のファイルが置かれていますが、使用できません: {{why}} 次回の起動までは以前の証明書を使い続けます。正しい証明書と鍵を置けば、数秒で切り替わります。',
  'error.tls-certificate-expired': '証明書の有効期限が {{notAfter}} に切れました。',
  'error.tls-certificate-not-yet-valid': '証明書は {{notBefore}} より前は有効ではありません。',
  'error.internal': '予期しない障害が発生しました。詳細はログを確認してください。',
  'error.internal.no-database': 'データベースがありません。',
  'error.database-absent':
    '{{path}} にデータベースがありません。HAISHIN_DATA_DIR が正しいか確認してください。データベースは "haishin serve" の初回起動時に作成されます。',
  'error.database-absent.no-tables':
    'データベースに Haishin のテーブルがありません。DATABASE_URL が正しいか確認してください。テーブルは "haishin serve" が作成します。',
  'error.stopping': 'サーバを停止しています。',
  'error.disk-full': 'ディスクに空きがないため、これ以上保存できません。',
  'error.disk-read-only': 'ディスクが読み取り専用です。',
  'error.disk-permission': 'ディスクへのアクセスが拒否されました。',
  'error.disk-permission.of-path': '{{path}} のアクセス権では、このアカウントに必要な操作ができません。',
  'error.disk-failure': 'ディスクの読み取りまたは書き込みでエラーが発生しました。',
  'error.bad-request': 'リクエストを処理できません。形式を確認してください。',
  'error.unauthenticated': 'リクエストが認証されていません。',
  'error.forbidden': 'この操作は許可されていません。',
  'error.not-found': 'このアドレスとメソッドに対応するものはありません。API の説明は GET /api/docs にあります。',
  'error.method-not-allowed': 'このリソースではこのメソッドを使用できません。',
  'error.conflict': 'リクエストが現在の状態と一致しません。',
  'error.body-not-utf8': 'リクエスト本文が UTF-8 ではないため、何も実行していません。UTF-8 で送信してください。',
  'error.body-too-large': 'リクエストの本文が大きすぎます。',
  'error.too-many-requests': '同時のリクエストが多すぎます。しばらくしてからもう一度実行してください。',
  'error.unavailable': 'サーバは現在応答できません。しばらくしてからもう一度実行してください。',
  'error.starting.part': 'まだ開始していません。',
  'error.starting':
    'サーバを起動しています。コンテンツの配信はすでに行われています。しばらくしてからもう一度実行してください。',
} as const satisfies Record<keyof typeof serverErrorsEn, string>;
