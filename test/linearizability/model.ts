/**
 * What an object is when only one client uses it at a time: its sequential specification.
 *
 * A model answers one question: in this state, could the operation have taken effect with this answer, and
 * what would the object be then? Several answers are possible where the client heard nothing, or where time
 * alone may have changed the object; none, where it could not have happened. Models know nothing of the
 * system's code: they say what its pages promise.
 */
import type { Operation } from './history.ts';

/** Written with methods, so that a model of something is a model of anything, in a table of models. */
export interface Model<State, Input = unknown, Output = unknown> {
  readonly initial: State;
  /** The states the object may be in after it; none: it cannot have taken effect here. */
  step(state: State, operation: Operation<Input, Output>): readonly State[];
  /** Whether it can never take effect with this answer again, whatever happens from here on. May be missed. */
  isLost(state: State, operation: Operation<Input, Output>): boolean;
  /** Whether, by its answer, it changed nothing, whatever the state was. */
  onlyLooked(operation: Operation<Input, Output>): boolean;
  /** Two states with the same text are the same state; people read it too. */
  describe(state: State): string;
  /** The operation in a few words. */
  tell(input: Input): string;
  /** Its answer in a few words. */
  hear(output: Output): string;
}
