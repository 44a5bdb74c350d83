import { BoundedClient } from './bounded-client.js';

it('a connection that the server ends while nobody listens to it does not end the process', () => {
  const client = new BoundedClient();
  expect(() => client.emit('error', new Error('terminating connection due to administrator command'))).not.toThrow();
});
