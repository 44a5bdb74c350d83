import type { usageEn } from './usage-texts.en.js';

export const usageJa = {
  'usage.unknown-option': 'エラー: オプション {{option}} はありません',
  'usage.unknown-command': 'エラー: コマンド {{command}} はありません',
  'usage.similar': '(もしかして: {{name}})',
  'usage.similar-ones': '(もしかして: {{names}})',
  'usage.missing-argument': 'エラー: 引数 {{argument}} を指定してください',
  'usage.missing-value': 'エラー: オプション {{option}} には値が必要です',
  'usage.too-many':
    'エラー: {{command}} の引数が多すぎます。指定できるのは {{expected}} 個ですが、{{given}} 個あります: {{arguments}}',
  'usage.too-many-of-several':
    'エラー: {{command}} の引数が多すぎます。指定できるのは {{expected}} 個ですが、{{given}} 個あります: {{arguments}}',
  'usage.invalid-option': 'エラー: オプション {{option}} に「{{value}}」は指定できません。{{why}}',
  'usage.invalid-argument': 'エラー: 引数 {{argument}} に「{{value}}」は指定できません。{{why}}',
  'usage.choices': '次のいずれかを指定してください: {{choices}}',
  'usage.hint': '指定できるものは --help で確認できます。',
  'usage.whole-number': '整数を指定してください。',
  'usage.number': '数値を指定してください。',
  'usage.days': '0 より大きく {{most}} 以下の日数を指定してください。',
  'usage.name': '1 ～ 200 文字の名前を指定してください。',
  'usage.port': 'ポートは 0 ～ 65535 の数値で指定してください。',
  'usage.above-zero': '0 より大きく {{most}} 以下の値を指定してください。',
  'usage.from-zero': '0 以上 {{most}} 以下の値を指定してください。',
} as const satisfies Record<keyof typeof usageEn, string>;
