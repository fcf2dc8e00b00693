/** Load on etcd over gRPC: puts or linearizable ranges, so many in flight or so many a second. */
import { GrpcConnection } from './grpc-connection.ts';
import { LoadCounter, ordersReceived } from './load.ts';
import { keyOf, valueOf } from './put.ts';
import type { BenchCommand } from './workload.ts';

const counter = new LoadCounter(await ordersReceived());
const { urls, inFlight, rate, workload } = counter.orders;
const PATH = workload === 'put' ? '/etcdserverpb.KV/Put' : '/etcdserverpb.KV/Range';

/** Fields of bytes below 128, as protobuf has them: tag, length, value. */
function fields(values: readonly Buffer[]): Buffer {
  return Buffer.concat(
    values.flatMap((value, at) => [Buffer.from([((at + 1) << 3) | 2, value.length]), value]),
  );
}

function messageOf({ type, data }: BenchCommand): Buffer {
  return type === 'put' ? fields([keyOf(data), valueOf(data)]) : fields([keyOf(data)]);
}

/** The revision: field 3 of the header, which is field 1 of every answer. Numbers are varints. */
function revisionOf(answer: Buffer): number {
  let [at, value, scale] = [2, 0, 1];
  const number = (): number => {
    [value, scale] = [0, 1];
    for (;;) {
      const byte = answer.readUInt8(at++);
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 128) return value;
    }
  };
  for (let tag = number(); tag >> 3 !== 3; tag = number()) number();
  return number();
}

let [closed, turn] = [0, 0];
const connections = urls.map((url, place) => {
  let open = 0;
  const connection: GrpcConnection = new GrpcConnection(url, PATH, {
    ready: () => {
      if (rate !== null) return;
      open = Math.floor((inFlight + urls.length - 1 - place) / urls.length);
      for (let at = 0; at < open; at++) propose(connection, performance.now());
    },
    answered: (ref, message) => {
      if (message === undefined) counter.refused('the call failed');
      else counter.answered(ref, revisionOf(message));
      // The connection writes what a turn's answers led to at once.
      if (rate === null) propose(connection, performance.now());
    },
    closed: () => {
      closed += 1;
      if (closed === urls.length) counter.end();
    },
  });
  return connection;
});

function propose(connection: GrpcConnection, due: number): void {
  const { ref, command } = counter.next(due);
  connection.call(ref, messageOf(command));
}

for (const connection of connections) connection.open();
counter.runClock();
if (rate !== null)
  counter.keepRate(rate, (due) => {
    for (const moment of due) propose(connections[turn++ % connections.length]!, moment);
    for (const connection of connections) connection.flush();
  });
