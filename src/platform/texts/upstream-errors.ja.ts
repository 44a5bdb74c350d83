import type { upstreamErrorsEn } from './upstream-errors.en.js';

export const upstreamErrorsJa = {
  'error.ca-file-unreadable': '追加の CA 証明書のファイルを読み取れません: {{path}}',
  'error.ca-file-unreadable.no-certificate': '追加の CA 証明書のファイルに PEM 形式の証明書がありません: {{path}}',
  'error.upstream-refused': 'アップデート元がアクセスを拒否しました (ステータス {{status}})。',
  'error.upstream-refused.link': 'ファイルは、ディレクトリの外を指すリンクです。',
  'error.upstream-refused.directory': 'ディレクトリのファイルを読み取る権限がありません。',
  'error.upstream-not-found': 'アップデート元に {{url}} はありません。',
  'error.upstream-not-found.irregular': '{{url}} は通常のファイルではありません。',
  'error.upstream-not-found.directory': 'ディレクトリに {{url}} はありません。',
  'error.upstream-unreachable': 'アップデート元に接続できません: {{why}}。',
  'error.upstream-unreachable.directory-missing':
    'アップデート元のディレクトリがありません。共有がマウントされているか確認してください。',
  'error.upstream-unreachable.no-directory': 'アップデート元がディレクトリではありません。',
  'error.upstream-unreachable.directory': 'アップデート元のディレクトリを読み取れません。',
  'error.upstream-unreachable.by-proxy': 'プロキシがアップデート元に接続できませんでした。',
  'error.upstream-truncated': 'ファイルが {{expected}} バイト中 {{received}} バイトで終わりました。',
  'error.upstream-truncated.changed': '読み取り中にファイルが変更されました。',
  'error.upstream-truncated.connection': 'ファイルの途中、{{received}} バイトのところで接続が切れました。',
  'error.upstream-truncated.not-continued':
    'アップデート元がファイルの続きを送信できなかったため、最初から取得し直します。',
  'error.upstream-url-invalid': 'アップデート元は http:// または https:// のアドレスで指定してください。',
  'error.upstream-url-invalid.directory':
    'アップデート元のディレクトリは、絶対パスまたは file: URL で指定してください。',
  'error.upstream-url-invalid.file-url': 'アップデート元の file: URL がローカルのディレクトリを指していません。',
  'error.proxy-url-invalid': 'プロキシは http://host:port の形式で指定してください。',
  'error.upstream-redirect-refused': 'アップデート元のリダイレクトには従いませんでした: {{why}}。',
  'error.upstream-busy': 'アップデート元から、{{retryAfterSeconds}} 秒後に接続し直すよう求められました。',
  'error.upstream-http-status': 'アップデート元がステータス {{status}} を返しました。',
  'error.upstream-tls': 'セキュアな接続を確立できませんでした: {{why}}。',
  'error.upstream-unexpected-content.protocol': 'アップデート元が HTTP の規則に反するデータを送信しました。',
  'error.upstream-unexpected-content.http': 'アップデート元の応答が正しい HTTP ではありません。',
  'error.upstream-unexpected-content.compressed':
    '圧縮しないよう要求しましたが、アップデート元がファイルを圧縮しました。',
  'error.upstream-unexpected-content.web-page': 'アップデート元がファイルの代わりに Web ページを返しました。',
  'error.proxy-unreachable': 'プロキシに接続できません: {{why}}。',
  'error.proxy-unreachable.refused': 'プロキシがアップデート元への接続を拒否しました。',
  'error.proxy-auth-required': 'プロキシの有効なユーザ名とパスワードが必要です。',
  'error.upstream-too-slow': 'アップデート元からの転送が遅すぎます。',
  'error.upstream-timeout.directory':
    'アップデート元のディレクトリが応答しません。共有のサーバに接続できるか確認してください。',
  'error.upstream-timeout.head': 'アップデート元が時間内に応答しませんでした。',
  'error.upstream-timeout.body': 'ファイルの途中でアップデート元からの応答が途絶えました。',
  'error.upstream-path-refused': 'パスがツリーの外を指しているか、形式が正しくありません。',
} as const satisfies Record<keyof typeof upstreamErrorsEn, string>;
