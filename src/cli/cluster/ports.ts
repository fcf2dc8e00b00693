/** Ports for several nodes on this machine: one after the other, or whatever is free. */
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { CommandFault, EXIT } from '../exit.ts';

const PORT_MAX = 65_535;

/** @param first 0: the system chooses, and nobody keeps the port until the node takes it */
export function portsFrom(first: number, count: number): Promise<readonly number[]> {
  if (first === 0) return freePorts(count);
  if (first + count - 1 > PORT_MAX)
    throw new CommandFault(EXIT.usage, `${count} ports from ${first} on go beyond ${PORT_MAX}`);
  return Promise.resolve(Array.from({ length: count }, (_, place) => first + place));
}

/** All are held at once, so that they differ. */
async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => once(server, 'listening')));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}
