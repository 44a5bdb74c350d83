import { safeComponent, safeFileName, versionDirectory } from './safe-name.js';

it.each(['..', '.', '', 'a/b', '/etc', 'a\\b', '.hidden', 'a b', 'x'.repeat(101)])('refuses the component %j', (id) => {
  expect(() => safeComponent(id)).toThrow(expect.objectContaining({ code: 'component-name-unsafe' }));
});

it.each(['..', '.', '', 'a/b', '\0', 'a\nb', '.haishin-release.json', 'é'.repeat(128)])(
  'refuses the file %j',
  (name) => {
    expect(() => safeFileName(name)).toThrow(expect.objectContaining({ code: 'file-name-unsafe' }));
  },
);

it('takes the names that the field uses', () => {
  expect(safeFileName('lpt$vpn.241')).toBe('lpt$vpn.241');
  expect(safeComponent('virus-pattern')).toBe('virus-pattern');
  expect(versionDirectory('15.697.80')).toBe('15.697.80');
});

it('gives different versions different directories, none of which leads elsewhere', () => {
  const versions = ['1', '1~a', '1/a', '..', '.', '.1', '1%2Fa', '%2E.', 'a b'];
  const names = versions.map(versionDirectory);
  expect(new Set(names).size).toBe(versions.length);
  for (const name of names) expect(name).toMatch(/^[^./~][^/~]*$/);
});
