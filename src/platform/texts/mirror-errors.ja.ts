import type { mirrorErrorsEn } from './mirror-errors.en.js';

export const mirrorErrorsJa = {
  'error.component-exists': 'コンポーネント {{id}} はすでにあります。',
  'error.entry-claimed':
    'マニフェスト項目 {{entry}} は {{component}} に属しています。先に {{component}} の項目から外してください。',
  'error.component-unknown': 'カタログにコンポーネント {{component}} はありません。',
  'error.manifest-too-large': 'マニフェストが、実在するどのマニフェストよりも大きいため、読み取りません。',
  'error.manifest-not-ini':
    'アップデート元がマニフェストとして送信したものは、マニフェストではありません。[Common]、[PATTERN]、[ENGINE] のいずれのセクションもありません。',
  'error.manifest-too-many-files':
    'マニフェストに記載されたファイルの数が、実在するどのマニフェストよりも多くなっています。',
  'error.proxy-incomplete': 'プロキシを有効にするには url が必要です。',
  'error.proxy-password-needed':
    '保存されているパスワードは、これまでの url と username のものです。新しい url と username に合わせてパスワードを指定し直すか、パスワードを使わない場合は null を指定してください。',
  'error.manifest-inconsistent.two-contents':
    '{{path}} の内容が 2 種類になってしまいます。何も公開していません。公開済みの内容はそのまま有効です。',
  'error.manifest-inconsistent.not-held':
    'マニフェストに {{path}} が記載されますが、そのサイズのファイルがありません。何も公開していません。公開済みの内容はそのまま有効です。',
  'error.manifest-lost':
    '{{channel}} チャネルのマニフェスト、または公開内容を示すインデックスが失われています。ダウンロードで作り直されます。ダウンロードを開始してから、もう一度実行してください。',
  'error.manifest-lost.not-remade':
    '{{channel}} チャネルのマニフェスト、または公開内容を示すインデックスが失われており、アップデート元から作り直すこともできませんでした。',
  'error.snapshot-damaged.index':
    'スナップショット {{snapshot}} ({{channel}}) のインデックスを読み取れないため、必要なファイルがわかりません。何も削除していません。',
  'error.disk-full.run':
    '{{neededBytes}} バイトが必要ですが、ディスクの空きのうち使用できるのは {{freeBytes}} バイトだけです。{{reservedBytes}} バイトはデータベースとログのために確保しています。',
  'error.disk-full.file':
    '{{path}} を保存する空きがありません。アップデート元がサイズを示しておらず、ディスクの残りはほかのファイルに必要な分と、データベースとログのために確保している {{reservedBytes}} バイトだけです。空きを増やすか、このコンポーネントを対象から外してください。',
  'error.disk-full.data-directory':
    'データディレクトリのディスクの空きが、データベースとログのために確保している {{reservedBytes}} バイト以下になっています。公開済みの内容の配信は続きますが、空きができるまでダウンロードは disk-full で終了します。',
  'error.disk-failure.data-directory':
    'データディレクトリのディスクの状態を確認できません ({{errno}})。このままではダウンロードは失敗します。ディレクトリがあるか確認してください。',
  'error.content-not-served':
    '{{faults}}失われたインデックスは、データベースに接続できると作り直されます。ツリーも失われている場合は、次のダウンロードで両方とも作り直されます。',
  'error.cancelled': 'キャンセルされました。',
  'error.cancelled.download': 'ダウンロードはキャンセルされました。',
  'error.cancelled.transfer': '転送はキャンセルされました。',
  'error.cancelled.check': '検査はキャンセルされました。',
  'error.cancelled.export': 'エクスポートはキャンセルされました。',
  'error.upstream-publishing.unsigned':
    'アップデート元に {{path}} の署名がまだありません。アップデート元は公開作業の途中のようです。',
  'error.upstream-publishing.unsigned-for-now':
    'アップデート元に {{path}} の署名がまだありません。このコンポーネントは署名なしでもよい設定です。1 時間後も署名がなければ、ファイルをそのまま受け入れます。',
  'error.signatures-gone':
    '{{unsignedSince}} から、{{component}} の新しいファイル ({{path}} など) の署名がアップデート元にありません。以前のファイルには署名がありました。セキュアモードの製品は署名のないファイルを拒否します。公開済みの内容はそのまま有効です。ベンダーに確認し、{{component}} に今後署名が付かない場合は、カタログでこのコンポーネントの signatures を optional にしてください。次のダウンロードでファイルをそのまま受け入れます。',
  'error.signatures-gone.unclaimed':
    '{{unsignedSince}} から、項目 {{entry}} の新しいファイル ({{path}} など) の署名がアップデート元にありません。以前のファイルには署名がありました。セキュアモードの製品は署名のないファイルを拒否します。公開済みの内容はそのまま有効です。ベンダーに確認し、今後署名が付かない場合は、この項目を持つコンポーネントを、signatures を optional にしてカタログに追加してください。次のダウンロードでファイルをそのまま受け入れます。',
  'error.upstream-publishing.signed-before':
    'アップデート元の {{path}} は新しくなりましたが、署名は以前のもののままです。アップデート元は公開作業の途中のようです。1 時間後も同じ状態であれば、そのまま受け入れます。',
  'error.upstream-publishing.breaks-off':
    'アップデート元のマニフェストが途中で切れています: {{sign}}。アップデート元は公開作業の途中のようです。次回も同じ内容であるか、1 時間後も同じように切れている場合は、そのまま受け入れます。',
  'error.upstream-publishing.changing':
    '読み取り中にアップデート元のマニフェストが {{rounds}} 回変更されました。アップデート元は公開作業の途中です。',
  'error.upstream-publishing.two-contents':
    '{{path}} が 2 種類の内容で届きました。アップデート元は公開作業の途中のようです。',
  'error.manifest-empty': 'アップデート元のマニフェストにコンポーネントが 1 つも記載されていません。',
  'error.publishing-lock-lost':
    'ほかのノードの公開を止めておくための接続が切れました。何も公開していません。もう一度実行してください。',
  'error.publishing-busy': '別の公開処理が進行中です。1 分ほどしてからもう一度実行してください。',
  'error.snapshot-unknown': 'スナップショット {{id}} はありません。',
  'error.retention-unsafe':
    'スナップショットの記録はありますが、ディスク上に有効なものが 1 つもありません。データディレクトリが正しいか確認してください。何も削除していません。',
  'error.no-source': 'アップデート元が設定されていません。',
  'error.snapshot-missing':
    '{{channel}} チャネルの準備済みのツリーがなくなっています。公開済みの内容はそのまま有効です。次のダウンロードでツリーが作り直されます。',
  'error.upstream-cooling-down': '{{until}} までアップデート元への接続を控えます。',
  'error.no-spelling': '名前のないファイルが要求されました。',
  'error.upload-unsupported': '{{entry}} は製品のセクションのため、アップロードできません。',
  'error.published-index-missing': 'スナップショット {{snapshot}} のインデックスを読み取れません。',
  'error.published-index-corrupt': 'スナップショット {{snapshot}} のインデックスが壊れています: {{why}}。',
  'error.blob-not-found': 'この内容は保存されていません。',
  'error.blob-id-invalid': '保存された内容の名前は 64 桁の小文字の 16 進数です。',
  'error.blob-missing':
    '記録しようとした内容が、保存後にディスクから失われました。公開済みの内容はそのままです。次のダウンロード、または同じアップロードで再取得されます。',
  'error.blob-missing.in-tree': '{{path}} は、保存されている内容ではありません。',
  'error.size-mismatch': 'ファイルは {{received}} バイトですが、{{expected}} バイトと示されていました。',
  'error.size-mismatch.longer': 'ファイルが、示されていた {{expected}} バイトより長くなっています。',
  'error.size-exceeded': 'ファイルが、上限の {{maxBytes}} バイトを超えています。',
  'error.internal.closed-file': '閉じた一時ファイルに書き込もうとしました。',
  'error.internal.no-manifest': 'マニフェストのないスナップショットが公開されています。',
  'error.data-directory-split':
    '{{directory}} と {{other}} が同じファイルシステムの同じマウントにありません。内容はこの間で移動およびハードリンクされます。データディレクトリ全体を 1 つのマウントにしてください。個別にマウントできるのは postgres/、keys/、tls/ だけです。この状態ではサーバは起動しません。',
  'error.hard-links-unsupported':
    '{{directory}} のファイルシステムは、公開するツリーの作成に必要なハードリンクに対応していません ({{errno}})。対応しているファイルシステムにデータディレクトリを置いてください。この状態ではサーバは起動しません。',
  'error.zip-corrupt': 'ZIP ファイルが壊れています: {{why}}。',
  'error.zip-corrupt.member': 'ZIP ファイルが壊れています: {{why}} (メンバ {{quoted}})。',
  'error.content-worker-died': '配信プロセスが、配信を始める前に終了しました ({{ended}})。',
  'error.shared-file-held-back': '{{path}} は、以前のリリースのまま残る {{keeper}} にも属しています。',
  'error.path-conflict.needs-folder':
    '{{path}} にはフォルダが必要ですが、{{file}} は以前のリリースのまま残る {{keeper}} のファイルです。',
  'error.path-conflict.is-folder': '{{path}} は、以前のリリースのまま残る {{keeper}} のフォルダです。',
  'error.path-conflict.entries': '{{path}} は {{file}} ではファイル、{{folder}} ではフォルダです。',
  'error.entry-malformed.increments': '{{unit}} には差分がありますが、項目自体がありません。',
  'error.entry-malformed.control-characters': '行に制御文字が含まれています。',
  'error.entry-malformed.no-file': '{{key}} にファイルが指定されていません。',
  'error.entry-malformed.lacks': '{{key}} にパスまたはバージョンがありません。',
  'error.path-unsafe': 'パス {{path}} は受け付けられません: {{why}}。',
  'error.size-conflict': '{{path}} のサイズが {{size}} バイトと {{other}} バイトの 2 通り記載されています。',
  'error.size-conflict.entries':
    '{{path}} のサイズが {{unit}} では {{size}} バイト、{{other}} では {{otherSize}} バイトと記載されています。',
  'error.size-absurd': '{{size}} はファイルのサイズとしてあり得ない値です。',
  'error.count-absurd': '{{key}} の数があり得ない値です: {{count}}。',
  'error.duplicate-conflict': '{{key}} が異なる値で 2 回記載されています。',
  'error.export-directory-foreign':
    '{{path}} にはエクスポートのものではないファイルがあるため、何も書き込みませんでした。空のディレクトリ、またはまだないディレクトリを指定してください。',
  'error.export-directory-foreign.file':
    '{{path}} の位置にファイルがあります。空のディレクトリ、またはまだないディレクトリを指定してください。',
  'error.export-directory-linked':
    '{{path}} はエクスポート先の外を指すリンクです。削除するか、別のディレクトリを指定してください。',
  'error.export-directory-own':
    '{{path}} はサーバのデータディレクトリの中にあります。その外のディレクトリを指定してください。',
  'error.export-content-damaged':
    '{{path}} の保存された内容が失われているか、壊れています。以前にエクスポートした内容はそのままです。問題と対処は "haishin verify" で確認できます。',
} as const satisfies Record<keyof typeof mirrorErrorsEn, string>;
