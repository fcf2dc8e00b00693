/** The collector, when a test asks for it: what nobody holds is gone then. */
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

export const collect = runInNewContext('gc') as () => void;

/** Whether anybody holds it. Who has looked at it in this turn holds it to the end of the turn. */
export async function isHeld(what: WeakRef<object>): Promise<boolean> {
  await setImmediate();
  collect();
  return what.deref() !== undefined;
}
