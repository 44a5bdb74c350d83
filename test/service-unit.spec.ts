import { readFile } from 'node:fs/promises';

it('lets the server ask the kernel for the addresses of its host, beside what it listens and connects on', async () => {
  const unit = await readFile('haishin.service', 'utf8');
  const families = /^RestrictAddressFamilies=(.*)$/m.exec(unit)?.[1]?.split(' ').sort();
  expect(families).toEqual(['AF_INET', 'AF_INET6', 'AF_NETLINK', 'AF_UNIX']);
});
