/** Asks a running node over HTTP, and turns everything that can go wrong into one line. */
import { z } from 'zod';
import { CommandFault, EXIT, type Exit } from './exit.ts';

/** How long a node may take to answer. A long log is asked for in parts. */
const ANSWER_MS_MAX = 30_000;

export class NodeAddress {
  readonly url: string;

  /** @throws CommandFault where the text is no address */
  constructor(text: string) {
    if (!URL.canParse(text) || !/^https?:/.test(text))
      throw new CommandFault(
        EXIT.usage,
        `"${text}" is no address; say it like http://127.0.0.1:8770`,
      );
    this.url = text.replace(/\/+$/, '');
  }

  async json(path: string): Promise<Readonly<Record<string, unknown>>> {
    const response = await this.#get(path, 'application/json');
    return (await response.json()) as Readonly<Record<string, unknown>>;
  }

  async bytes(path: string): Promise<Buffer> {
    const response = await this.#get(path, 'application/octet-stream');
    return Buffer.from(await response.arrayBuffer());
  }

  async #get(path: string, accept: string): Promise<Response> {
    const response = await this.#fetch(path, accept);
    if (response.ok) return response;
    throw refusedBy(response.status, await response.text());
  }

  async #fetch(path: string, accept: string): Promise<Response> {
    try {
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      return await fetch(`${this.url}${path}`, { headers: { accept }, signal });
    } catch (error) {
      throw new CommandFault(
        EXIT.unreachable,
        `nothing answers at ${this.url} (${causeOf(error)}); is the node running? ` +
          'Start one with `quorate start`, or name another with --url or QUORATE_URL',
      );
    }
  }
}

function causeOf(error: unknown): string {
  const { cause, message } = error as Error;
  if (cause instanceof Error && 'code' in cause) return String(cause.code);
  return message;
}

/** A node that refuses is reachable, unless it says that it is not ready. */
function refusedBy(status: number, body: string): CommandFault {
  const exit: Exit = status >= 500 ? EXIT.unreachable : EXIT.finding;
  return new CommandFault(exit, `the node answers ${status}: ${detailOf(body)}`);
}

/** What a problem says (RFC 9457). */
const PROBLEM = z.object({ title: z.string(), detail: z.string() });

function detailOf(body: string): string {
  const problem = PROBLEM.safeParse(jsonOf(body));
  if (!problem.success) return 'this does not look like a Quorate node';
  return `${problem.data.title}: ${problem.data.detail}`;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
