import { machineAddresses } from './machine-addresses.js';

it('are those of the loopback at least, and none where the system refuses to tell them', () => {
  expect(machineAddresses()).toContain('127.0.0.1');
  const refusing = (): never => {
    throw new Error('uv_interface_addresses returned Unknown system error 97');
  };
  expect(machineAddresses(refusing)).toEqual([]);
});
