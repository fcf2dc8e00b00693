/** A limit on how long an answer is waited for. What was asked goes on, and is no longer listened to. */
import type { Clock, Milliseconds } from '../../log/time.ts';

interface Limit<Late> {
  readonly clock: Clock;
  readonly within: Milliseconds;
  /** What the wait comes to when the time is up. */
  readonly otherwise: Late;
}

export function answeredWithin<Value, Late>(
  asked: Promise<Value>,
  { clock, within, otherwise }: Limit<Late>,
): Promise<Value | Late> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(within, () => resolve(otherwise));
    asked.then(
      (value) => {
        cancel();
        resolve(value);
      },
      (fault: unknown) => {
        cancel();
        reject(fault);
      },
    );
  });
}
