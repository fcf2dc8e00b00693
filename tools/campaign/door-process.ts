/** The process behind a door: what comes by the socket it is given goes to a port of the loopback it stands in. */
import { connect, type Server, type Socket } from 'node:net';

const port = Number(process.argv[2]);

process.on('disconnect', () => process.exit());
process.on('message', (_door: unknown, server: Server) => {
  server.on('connection', lead);
  process.send?.('open');
});

function lead(outside: Socket): void {
  const inside = connect(port, '127.0.0.1');
  join(outside, inside);
  join(inside, outside);
}

/** What one says the other hears, and that it is gone. */
function join(from: Socket, to: Socket): void {
  from.pipe(to);
  from.on('error', () => to.resetAndDestroy());
}
