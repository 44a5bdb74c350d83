import { pathFault } from '../../mirror/manifest/manifest-path.js';
import { safeFileName } from './upload.file-name.js';

describe('the name of an uploaded file', () => {
  it.each([
    ['vsapi243.zip', 'vsapi243.zip'],
    ['lpt$vpn.243', 'lpt$vpn.243'],
    ['tmase-9.1.1005_x64+(1).zip', 'tmase-9.1.1005_x64+(1).zip'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\media\\vsapi243.zip', 'vsapi243.zip'],
    ['my rules, final; v2.bin', 'my_rules_final_v2.bin'],
    ['@snapshot.zip', 'snapshot.zip'],
    ['.hidden', 'hidden'],
    ['a%2e%2e%2fb.zip', 'a_2e_2e_2fb.zip'],
    ['ルール1.bin', '1.bin'],
    ['line\r\nP.4=evil.zip', 'line_P.4_evil.zip'],
  ])('%j is served as %j', (original, expected) => {
    expect(safeFileName(original)).toBe(expected);
    expect(pathFault(`pattern/${expected}`)).toBeNull();
  });

  it.each([
    '',
    '..',
    '/',
    '....',
    'ルール',
    '日本.txt',
    '日本.tar.gz',
    '_.zip',
    'vsapi243.sig',
    'Server.ini',
    `${'a'.repeat(129)}.zip`,
  ])('%j is refused', (original) => {
    expect(() => safeFileName(original)).toThrow(expect.objectContaining({ code: 'file-name-invalid' }));
  });
});
