import type { downloadErrorsEn } from './download-errors.en.js';

export const downloadErrorsJa = {
  'error.download-unknown': 'ダウンロード {{id}} はありません。',
  'error.download-unknown.malformed': 'このダウンロードはありません。',
  'error.download-running': 'ダウンロードはすでに実行中です。',
  'error.download-ended': 'ダウンロードはすでに終了しています: {{state}}。',
  'error.server-stopping': 'サーバを停止しています。',
  'error.source-is-self':
    '{{url}} はこのサーバ自身です。自身が公開する内容をミラーすることになり、新しいものを取得できません。設定は変更していません。ベンダのサーバまたは別の Haishin を指定してください。',
  'error.source-is-self.answering':
    '{{url}} は、このサーバが公開しているスナップショットそのものを返しました。プロキシや別名を経由してこのサーバ自身につながっているか、複製後に何も公開していないこのサーバの複製であり、新しいものはありません。公開済みの内容はそのまま配信を続けます。設定でベンダのサーバまたは別の Haishin を指定してください。',
  'error.rollback-path-conflict':
    '{{wanted}} が元に戻りますが、{{sharer}} の {{path}} が残ります。1 つのパスがファイルとフォルダを兼ねることはできません。何も変更していません。先に {{sharer}} を元に戻すか、戻す先に別のリリースを指定してください。',
  'error.rollback-path-conflict.ownerless':
    '{{wanted}} が元に戻りますが、{{owner}}の {{path}} が残ります。1 つのパスがファイルとフォルダを兼ねることはできません。何も変更していません。戻す先に別のリリースを指定してください。',
  'error.rollback-shared-file':
    '{{path}} は {{sharer}} にも属しており、{{sharer}} の以前のリリースには同じ内容のものがありません。戻す先に別のリリースを指定してください。何も変更していません。',
  'error.rollback-shared-file.ownerless':
    '{{path}} は、どのコンポーネントにも属さない{{owner}}にも属しています。この項目を {{component}} に追加すると、一緒に元に戻せます。何も変更していません。',
  'error.rollback-impossible': '{{component}} には戻す先のリリースがありません。',
  'error.component-not-licensed':
    '{{component}} にはライセンス {{licence}} が必要ですが、ライセンスがないか、有効期限が切れています。',
  'error.component-not-selected':
    '{{component}} はミラーの対象に選択されていません。先にアップデート元の選択に追加してください。',
  'error.component-unknown.listed': 'コンポーネント {{components}} はありません。',
  'error.selection-empty.components': 'コンポーネントが 1 つも選択されていないため、何もミラーされません。',
  'error.schedule-never':
    '除外の指定により、この予約でダウンロードを開始できる時刻がありません。除外を減らすか、予約アップデートを無効にしてください。',
  'error.unsupported-media-type.form-wanted': 'multipart/form-data 形式のフォームを送信してください。',
  'error.upload-field-unknown': 'フォームに {{field}} という項目はありません。',
  'error.upload-field-twice': '項目 {{field}} は 1 つだけ指定してください。',
  'error.upload-file-missing': 'フォームに項目 file がありません。',
  'error.upload-file-missing.no-file': '項目 {{field}} は名前のあるファイルである必要があります。',
  'error.upload-empty': '項目 {{field}} に内容がありません。',
  'error.version-invalid.length': 'version は 1～64 文字で指定してください。',
  'error.version-invalid.of-component': '{{version}} は {{id}} のバージョンとして正しくありません。',
  'error.upload-too-large': 'ファイルの上限は {{maxBytes}} バイトです。',
  'error.upload-interrupted': 'アップロードが途中で切れました。もう一度送信してください。',
  'error.upload-malformed': 'フォームを読み取れません: {{reason}}。',
  'error.upload-malformed.too-many-parts': 'フォームに file、version、signature 以外の項目があります。',
  'error.file-name-invalid.path': 'ファイルを {{path}} として配信できません: {{why}}。',
  'error.file-name-invalid.reserved': '{{name}} は予約された名前のため、リリースとしてアップロードできません。',
  'error.file-name-invalid.characters':
    'ファイルには、拡張子の前に半角英数字を含む {{limit}} 文字以内の名前が必要です。製品はその名前で取得します。',
  'error.path-taken': '{{path}} は {{component}} に属しています。別のファイル名を指定してください。',
  'error.path-taken.by-nobody':
    '{{path}} は、どのコンポーネントにも属さない項目のものです。別のファイル名を指定してください。',
  'error.internal.upload-lost': 'アップロードしたリリースが、そのために作成したスナップショットにありません。',
  'error.internal.upload-empty': 'アップロードに内容がありません。',
  'error.version-missing':
    'ファイル名からバージョンを判断できません。バージョンを指定してください ("version"。コマンドラインでは --version)。',
  'error.download-lost':
    'このダウンロードは停止したものとみなされました。その後に別のダウンロードが公開を行った可能性があるため、何も公開していません。次のダウンロードで続きから再開します。',
  'error.download-interrupted': '実行中にサーバのプロセスが終了しました。公開済みの内容はそのまま有効です。',
  'error.download-interrupted.of-process':
    '実行中にサーバのプロセス {{pid}} ({{node}}) が終了しました。公開済みの内容はそのまま有効です。',
} as const satisfies Record<keyof typeof downloadErrorsEn, string>;
