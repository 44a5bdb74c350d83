import { signaturePathOf } from './signature-path.js';

describe('the path of a signature', () => {
  it.each([
    ['pattern/vsapi241.zip', 'pattern/vsapi241.sig'],
    // The name is reused by every release.
    ['pattern/v_239.241', 'pattern/v_239.sig'],
    ['pattern/rr/rr_1.10739.00', 'pattern/rr/rr_1.10739.sig'],
    ['engine/v1.2/engine', 'engine/v1.2/engine.sig'],
    ['noextension', 'noextension.sig'],
    ['pattern/.hidden', 'pattern/.hidden.sig'],
    ['a.b', 'a.sig'],
  ])('%s → %s', (path, signature) => {
    expect(signaturePathOf(path)).toBe(signature);
  });
});
