/** The process of a crowd: runs the clients until it is told to stop, or nobody is there any more. */
import { Clients } from '../../test/linearizability/clients.ts';
import { Recorder } from '../../test/linearizability/history.ts';
import type { CrowdOptions, FromCrowd, ToCrowd } from './crowd.ts';

const TELL_MS = 250;

const options = JSON.parse(process.argv[2] ?? '') as CrowdOptions;
let urls: readonly string[] = [];

const recorder = await Recorder.open(options.history);
const clients = Clients.start({ ...options, recorder, urls: () => urls });
const telling = setInterval(() => tell({ kind: 'tally', tally: clients.tally }), TELL_MS);

process.on('disconnect', () => process.exit());
process.on('message', (message: ToCrowd) => {
  if (message.kind === 'urls') ({ urls } = message);
  else void stop();
});

function tell(message: FromCrowd): void {
  process.send?.(message);
}

async function stop(): Promise<void> {
  const failure = await clients.stop().then(
    () => undefined,
    (error: Error) => error.message,
  );
  await recorder.close();
  clearInterval(telling);
  tell({ kind: 'tally', tally: clients.tally });
  tell({ kind: 'over', failure });
}
