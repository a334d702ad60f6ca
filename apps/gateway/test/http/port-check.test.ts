// A gateway that starts looks at its port before it opens anything. The port stays closed until the gateway can serve.
import { once } from 'node:events';
import { type AddressInfo, createServer, Server } from 'node:net';
import { freePort } from '@millrace/testkit';
import { expect, test, vi } from 'vitest';
import { checkPort } from '../../src/http/port-check.js';

test('a port on which a program listens is in use, on each address of the machine', async () => {
  await using program = await listening('127.0.0.1');
  const { port } = program;
  for (const host of ['127.0.0.1', 'localhost', '0.0.0.0', '::'])
    await expect(checkPort(host, port), host).rejects.toMatchObject({ code: 'port_in_use' });
});

test('a port that is free is not opened by the check, so that a proxy sends no request to it', async () => {
  const port = await freePort();
  const listen = vi.spyOn(Server.prototype, 'listen');
  await checkPort('127.0.0.1', port);
  expect(listen.mock.calls).toEqual([[expect.objectContaining({ port: 0 })]]);
  listen.mockRestore();
});

test('an address that is not one of this machine is named', async () => {
  await expect(checkPort('192.0.2.1', await freePort())).rejects.toMatchObject({
    code: 'invalid_configuration',
    message: expect.stringContaining('192.0.2.1 is not an address of this machine'),
  });
});

async function listening(host: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => socket.destroy());
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { port, [Symbol.asyncDispose]: async () => void server.close() };
}
