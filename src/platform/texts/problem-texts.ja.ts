import type { problemEn } from './problem-texts.en.js';

export const problemJa = {
  'problem.title.bad-input': 'リクエストの誤り',
  'problem.title.unauthenticated': '未認証',
  'problem.title.forbidden': '許可されていません',
  'problem.title.not-found': '見つかりません',
  'problem.title.conflict': '競合',
  'problem.title.gone': '提供終了',
  'problem.title.too-large': 'サイズ超過',
  'problem.title.media-type': '受け付けない形式の本文',
  'problem.title.too-many': 'リクエスト過多',
  'problem.title.unprocessable': '実行できません',
  'problem.title.internal': '内部エラー',
  'problem.title.upstream': 'アップデート元の障害',
  'problem.title.unavailable': '現在利用できません',
  'problem.title.storage': 'ストレージの障害',
  'problem.database-not-usable':
    'データベースをまだ使用できません (理由はログ、またはサーバ上での GET /readyz で確認できます)。引き続き接続を試みます。コンテンツの配信はすでに行われています。しばらくしてからもう一度実行してください。',
  'plan.refused': 'この配信計画はこのままでは実行できません: {{faults}}',
  'content.channel-not-served': '{{channel}} チャネルの内容を配信できません: {{why}}',
  'source.unread.global': 'global チャネルのアップデート元を読み取れませんでした: {{why}}',
  'source.unread.japan': 'japan チャネル専用のアップデート元を読み取れませんでした: {{why}}',
} as const satisfies Record<keyof typeof problemEn, string>;
