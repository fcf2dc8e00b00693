/**
 * Several nodes on this machine, as one thing that starts and stops.
 *
 * ```
 *  starting ── everybody knows a leader ──▶ running ── stop ──▶ stopping ─▶ ended
 *     └── a node ends, or it takes too long: stopping ──────────────▲
 * ```
 *
 * A node that ends while the others run is told with its last words and not started again: what the others
 * make of it is what one came to see.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CommandFault, EXIT, type Exit } from '../exit.ts';
import type { Screen } from '../screen.ts';
import { LocalNode, type LocalNodeOptions, type NodeEnding } from './local-node.ts';
import { newsIn } from './node-line.ts';

/** From the launch to a leader that everybody knows. */
const READY_MS_MAX = 60_000;
const LOOK_MS = 50;

export type NodePlan = Omit<LocalNodeOptions, 'onLine'>;

export class LocalCluster {
  readonly nodes: readonly LocalNode[];
  /** Resolves when the last one has ended. */
  readonly ended: Promise<readonly NodeEnding[]>;
  readonly #screen: Screen;
  #phase: 'starting' | 'running' | 'stopping' = 'starting';
  #failed: LocalNode | undefined;
  #stopping: Promise<readonly NodeEnding[]> | undefined;

  private constructor(screen: Screen, plans: readonly NodePlan[]) {
    this.#screen = screen;
    this.nodes = plans.map((plan) =>
      LocalNode.launch({ ...plan, onLine: (line) => this.#tell(plan.id, line) }),
    );
    this.ended = Promise.all(this.nodes.map((node) => this.#end(node)));
  }

  static launch(screen: Screen, plans: readonly NodePlan[]): LocalCluster {
    return new LocalCluster(screen, plans);
  }

  /**
   * Waits until every node is ready.
   * @returns false when it was told to stop meanwhile
   * @throws CommandFault when a node ended, or it took too long; nothing is left running then
   */
  async ready(): Promise<boolean> {
    const deadline = performance.now() + READY_MS_MAX;
    while (this.#phase === 'starting') {
      if (await this.#areReady()) this.#phase = 'running';
      else await this.#waitOn(deadline);
    }
    return this.#phase === 'running';
  }

  /** Stops those that run, and waits for them. Idempotent. @returns how those ended */
  stop(): Promise<readonly NodeEnding[]> {
    this.#phase = 'stopping';
    this.#stopping ??= Promise.all(
      this.nodes.filter(({ isRunning }) => isRunning).map((node) => node.stop()),
    );
    return this.#stopping;
  }

  async #areReady(): Promise<boolean> {
    const ready = await Promise.all(this.nodes.map((node) => node.asked('/readyz')));
    return ready.every((answer) => answer !== undefined);
  }

  async #waitOn(deadline: number): Promise<void> {
    if (this.#failed !== undefined) await this.#giveUp(`${this.#failed.id} did not start`);
    if (performance.now() > deadline) await this.#giveUp('the nodes found no leader in time');
    await pause(LOOK_MS);
  }

  async #giveUp(why: string): Promise<never> {
    const exit = exitOf(this.#failed);
    await this.stop();
    throw new CommandFault(exit, `${why}; the others were stopped`);
  }

  async #end(node: LocalNode): Promise<NodeEnding> {
    const ending = await node.ended;
    if (this.#phase !== 'stopping') this.#mourn(node, ending);
    return ending;
  }

  /** A node ended that nobody told to. */
  #mourn(node: LocalNode, { code, signal }: NodeEnding): void {
    this.#failed = node;
    const how = signal === null ? `exit code ${code}` : signal;
    const advice = this.#phase === 'running' ? [`start it again: ${node.command}`] : [];
    const words = node.lastLines.map((line) => `  ${line}`);
    for (const line of [`ended by itself (${how}); its last lines:`, ...words, ...advice])
      this.#print(node.id, this.#screen.paint('red', line));
  }

  #tell(id: string, line: string): void {
    const news = newsIn(line);
    if (news === undefined) return;
    if (news.early || this.#phase === 'running')
      this.#print(id, this.#screen.paint(news.colour, news.text));
  }

  #print(id: string, text: string): void {
    this.#screen.tell(`${this.#screen.paint('bold', id)} │ ${text}`);
  }
}

/** What a node that did not start ended with tells what is wrong: the disk, the configuration. */
function exitOf(failed: LocalNode | undefined): Exit {
  const code = failed?.ending?.code;
  const known = Object.values(EXIT).find((exit) => exit === code);
  return known ?? EXIT.finding;
}
