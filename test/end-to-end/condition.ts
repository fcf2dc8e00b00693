/** Waiting for something to become true: tests never sleep, they look again until a deadline. */
import { setTimeout as pause } from 'node:timers/promises';

const LOOK_AGAIN_MS = 5;
/** What takes a second takes many on a machine that has other things to do: this is for what never comes. */
const PATIENCE_MS = 120_000;

/** Resolves with the first value that is neither undefined nor false. @throws after `within` ms, naming `what` */
export async function until<Value>(
  what: string,
  look: () => Value | undefined | false | Promise<Value | undefined | false>,
  within = PATIENCE_MS,
): Promise<Value> {
  const deadline = Date.now() + within;
  let seen = await look();
  while (seen === undefined || seen === false) {
    if (Date.now() > deadline) throw new Error(`waited ${within} ms in vain: ${what}`);
    await pause(LOOK_AGAIN_MS);
    seen = await look();
  }
  return seen;
}

/** Fails when `promise` has not settled in time. */
export async function within<Value>(
  what: string,
  promise: Promise<Value>,
  milliseconds = PATIENCE_MS,
): Promise<Value> {
  const timer = new AbortController();
  const late = pause(milliseconds, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`waited ${milliseconds} ms in vain: ${what}`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}
