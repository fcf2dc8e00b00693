/** Faults whose beginnings and ends somebody is told of. */
import type { Begin } from '../../test/faults/nemesis.ts';

/** Told of a beginning, just before it; what it returns is told of the end, also where nothing had begun. */
export type Notice = (name: string, nodes: readonly string[]) => () => void;

export function noticed(
  begins: Readonly<Record<string, Begin>>,
  notice: Notice,
): Readonly<Record<string, Begin>> {
  const some = Object.entries(begins).map(
    ([name, begin]) => [name, noticedOne(name, begin, notice)] as const,
  );
  return Object.fromEntries(some);
}

function noticedOne(name: string, begin: Begin, notice: Notice): Begin {
  return async (...nodes) => {
    const over = notice(name, nodes);
    try {
      const end = await begin(...nodes);
      return async () => {
        await end();
        over();
      };
    } catch (error) {
      over();
      throw error;
    }
  };
}
