/** The families `quorate cluster`, `raft …` and `voters …`: several nodes that agree. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ClusterOptions } from './cluster/cluster.ts';
import type { Exit } from './exit.ts';
import {
  type Asking,
  type Ends,
  examples,
  outputOption,
  type Reporting,
  shown,
  urlOption,
} from './family.ts';
import type { Invocation } from './invocation.ts';
import {
  raftSnapshot,
  raftStatus,
  raftTransfer,
  type StatusOptions,
  votersSet,
  votersShown,
} from './raft.ts';

const SIZES = ['3', '5', '7'] as const;
const PORT_MAX = 65_535;

function port(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0 && number <= PORT_MAX) return number;
  throw new InvalidArgumentError(`a port is a whole number from 0 to ${PORT_MAX}.`);
}

/** `a,b,c`. */
function names(text: string): readonly string[] {
  return text.split(',').map((name) => name.trim());
}

export function addClusterCommands(program: Command, invocation: Invocation, ends: Ends): void {
  addCluster(program, invocation, ends);
  addRaft(program, invocation, ends);
  addVoters(program, invocation, ends);
}

type CommandedCluster = Omit<ClusterOptions, 'nodes'> & Reporting & { readonly nodes: string };

function addCluster(program: Command, invocation: Invocation, ends: Ends): void {
  program
    .command('cluster')
    .description('run several nodes on this machine, as processes of their own')
    .addOption(new Option('--nodes <count>', 'how many').choices(SIZES).default('3'))
    .option('--dir <directory>', 'where their data directories lie: node-1, node-2 …', './cluster')
    .option('--port <port>', 'of the first; 0 lets the system choose', port, 8770)
    .option('--raft-port <port>', 'the same between the nodes', port, 4321)
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples('quorate cluster', 'quorate cluster --nodes 5 --dir /tmp/five --port 9000'),
    )
    .action((options: CommandedCluster) =>
      ends(clustered(invocation, { ...options, nodes: Number(options.nodes) })),
    );
}

/** Loaded only for this: the other commands begin at once. */
async function clustered(
  invocation: Invocation,
  options: ClusterOptions & Reporting,
): Promise<Exit> {
  const { cluster } = await import('./cluster/cluster.ts');
  return cluster(invocation, options);
}

function ofNode(command: Command, invocation: Invocation): Command {
  return command.addOption(urlOption(invocation)).addOption(outputOption());
}

function addRaft(program: Command, invocation: Invocation, ends: Ends): void {
  const raft = program.command('raft').description('how the nodes agree; leadership, snapshots');
  ofNode(raft.command('status'), invocation)
    .description('who leads, who follows how far behind, and why there was an election')
    .option('--group <name>', 'another group than main; one that rests is woken for it')
    .addHelpText(
      'after',
      examples(
        'quorate raft status',
        'quorate raft status --url http://127.0.0.1:8771 -o json',
        'quorate raft status --group job/7',
      ),
    )
    .action((options: StatusOptions & Reporting) =>
      ends(shown(invocation, options, raftStatus(invocation, options))),
    );
  ofNode(raft.command('transfer').argument('[node]', 'a voter (default: furthest)'), invocation)
    .description('hand leadership to a voter')
    .addHelpText('after', examples('quorate raft transfer', 'quorate raft transfer node-2'))
    .action((to: string | undefined, options: Asking & Reporting) => {
      const transfer = to === undefined ? options : { ...options, to };
      return ends(shown(invocation, options, raftTransfer(invocation, transfer)));
    });
  ofNode(raft.command('snapshot'), invocation)
    .description('take a snapshot on the node that is asked')
    .addHelpText('after', examples('quorate raft snapshot --url http://127.0.0.1:8771'))
    .action((options: Asking & Reporting) =>
      ends(shown(invocation, options, raftSnapshot(invocation, options))),
    );
}

type SettingVoters = Asking & Reporting & { readonly learners?: readonly string[] };

function addVoters(program: Command, invocation: Invocation, ends: Ends): void {
  const voters = program.command('voters').description('who votes, and who only follows');
  ofNode(voters.command('show'), invocation)
    .description('everybody who takes part, with store and address')
    .addHelpText('after', examples('quorate voters show', 'quorate voters show -o json'))
    .action((options: Asking & Reporting) =>
      ends(shown(invocation, options, votersShown(invocation, options))),
    );
  ofNode(voters.command('set').argument('<names>', 'between commas', names), invocation)
    .description('say who votes from now on; each must take part already')
    .option('--learners <names>', 'who only follows (default: those who do)', names)
    .addHelpText(
      'after',
      examples(
        'quorate voters set node-1,node-2,node-4',
        'quorate voters set node-1,node-2,node-4 --learners node-3',
      ),
    )
    .action((to: readonly string[], options: SettingVoters) =>
      ends(shown(invocation, options, votersSet(invocation, { ...options, voters: to }))),
    );
}
