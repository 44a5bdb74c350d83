import { fieldFault } from './field-faults.js';

describe('a fault of a field', () => {
  it.each([
    ['name must be a string', 'name は文字列で指定してください'],
    ['tries must not be less than 1', 'tries は 1 以上で指定してください'],
    ['each value in tags must be a string', 'tags (それぞれの値) は文字列で指定してください'],
    [
      'each value in nested property rings must be either object or array',
      'rings (それぞれの値) はオブジェクトまたは配列で指定してください',
    ],
    ['property x should not exist', 'x という項目はありません'],
    [
      'mode must be one of the following values: forced, attempt',
      'mode は次のいずれかで指定してください: forced, attempt',
    ],
    ['time must be a time HH:MM', 'time は HH:MM 形式の時刻で指定してください'],
  ])('%s', (english, ja) => {
    expect(fieldFault(english)).toEqual({ en: english, ja });
  });

  it('that nobody knows stays as it is', () => {
    expect(fieldFault('x is odd')).toEqual({ en: 'x is odd', ja: 'x is odd' });
  });
});
