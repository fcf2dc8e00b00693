/** The simplest process there is to break: it answers what it is told. */
import type { Launch } from './processes.ts';

const SOURCE = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  const [host, port] = process.argv.slice(1);
  server.listen(Number(port), host, () => console.log('listening ' + server.address().port));
  process.on('SIGTERM', () => { console.log('stopping'); process.exit(0); });
`;

/** `port` 0: one that is free; it says which. */
export function echo(outputFile: string, host = '127.0.0.1', port = 0): Launch {
  return {
    program: process.execPath,
    words: ['-e', SOURCE, host, String(port)],
    outputFile,
  };
}

export const LISTENING = /listening (?<port>\d+)/;
