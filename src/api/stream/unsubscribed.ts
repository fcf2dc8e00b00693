/**
 * What stands in the place of a subscription on a connection that only proposes (`after=none`): it is told
 * of no entries, and the hub keeps none for it.
 */
import type { Group } from '../../protocols/coordinator/group.ts';
import type { Subscription } from './subscription.ts';

/** What a connection asks of either. */
export type Following = Pick<Subscription, 'covered' | 'start' | 'progress' | 'pump' | 'stop'>;

export class Unsubscribed implements Following {
  readonly #group: Group;

  constructor(group: Group) {
    this.#group = group;
  }

  /** Whoever follows nothing has missed nothing. */
  get covered(): number {
    return this.#group.machine.position.index;
  }

  start(): void {
    // Nobody is told where it begins.
  }

  progress(): void {
    // Nobody asked how far it is.
  }

  pump(): void {
    // There is nothing to send.
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
