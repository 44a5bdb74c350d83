import type { problemEn } from './problem-texts.en.js';

export const problemJa = {
  'problem.title.bad-input': 'リクエストに誤りがあります',
  'problem.title.unauthenticated': '認証されていません',
  'problem.title.forbidden': '許可されていません',
  'problem.title.not-found': '見つかりません',
  'problem.title.conflict': '現在の状態と競合しています',
  'problem.title.gone': '提供を終了しています',
  'problem.title.too-large': 'サイズが上限を超えています',
  'problem.title.media-type': '本文の形式を受け付けられません',
  'problem.title.too-many': 'リクエストが多すぎます',
  'problem.title.unprocessable': '実行できません',
  'problem.title.internal': '内部エラーが発生しました',
  'problem.title.upstream': 'アップデート元に問題があります',
  'problem.title.unavailable': '現在利用できません',
  'problem.title.storage': 'ストレージに問題があります',
  'problem.database-not-usable':
    'データベースをまだ使用できません (理由はログ、またはサーバ上での GET /readyz で確認できます)。引き続き接続を試みます。コンテンツの配信はすでに行われています。しばらくしてからもう一度実行してください。',
  'plan.refused': 'この配信計画はこのままでは実行できません: {{faults}}',
  'content.channel-not-served': '{{channel}} チャネルの内容を配信できません: {{why}}',
  'source.unread.global': 'global チャネルのアップデート元を読み取れませんでした: {{why}}',
  'source.unread.japan': 'japan チャネル専用のアップデート元を読み取れませんでした: {{why}}',
} as const satisfies Record<keyof typeof problemEn, string>;
