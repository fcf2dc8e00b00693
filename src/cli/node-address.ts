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

  /** Asks for a change. @returns what it led to */
  async send(
    method: 'POST' | 'PUT',
    path: string,
    body: object,
  ): Promise<Readonly<Record<string, unknown>>> {
    const headers = { accept: 'application/json', 'content-type': 'application/json' };
    const response = await this.#ask(path, { method, headers, body: JSON.stringify(body) });
    return (await response.json()) as Readonly<Record<string, unknown>>;
  }

  async bytes(path: string): Promise<Buffer> {
    const response = await this.#get(path, 'application/octet-stream');
    return Buffer.from(await response.arrayBuffer());
  }

  #get(path: string, accept: string): Promise<Response> {
    return this.#ask(path, { headers: { accept } });
  }

  async #ask(path: string, request: RequestInit): Promise<Response> {
    const response = await this.#fetch(path, request);
    if (response.ok) return response;
    throw refusedBy(response.status, await response.text());
  }

  async #fetch(path: string, request: RequestInit): Promise<Response> {
    try {
      const signal = AbortSignal.timeout(ANSWER_MS_MAX);
      return await fetch(`${this.url}${path}`, { ...request, signal });
    } catch (error) {
      throw new CommandFault(
        EXIT.unreachable,
        `nothing answers at ${this.url} (${causeOf(error)}); is the node running? ` +
          'Start one with `quorate start`, or name another with --url or QUORATE_URL',
      );
    }
  }
}

/** What a schema makes of an answer. @throws CommandFault where the node speaks of something else */
export function understood<Value>(schema: z.ZodType<Value>, answer: unknown): Value {
  const read = schema.safeParse(answer);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  const where = issue === undefined ? 'its answer' : issue.path.join('.');
  throw new CommandFault(
    EXIT.unreachable,
    `the answer of the node is not understood (${where}); is it of another version?`,
  );
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
