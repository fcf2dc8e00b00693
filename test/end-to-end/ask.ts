/** One HTTP request to a node, as any client would make it. */
import { Agent, type OutgoingHttpHeaders, request } from 'node:http';
import { text } from 'node:stream/consumers';

export interface Question {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** Sent as it is; an object is sent as JSON. */
  readonly body?: string | object;
  readonly agent?: Agent;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

/** @throws when the connection fails before the whole answer is there */
export async function ask(url: string, question: Question = {}): Promise<Reply> {
  const { body, agent } = question;
  const sent = typeof body === 'object' ? JSON.stringify(body) : body;
  const method = question.method ?? (sent === undefined ? 'GET' : 'POST');
  const headers = {
    ...(sent === undefined
      ? {}
      : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) }),
    ...question.headers,
  };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method, headers, ...(agent === undefined ? {} : { agent }) });
    asked.once('error', reject);
    asked.once('response', (response) => {
      text(response).then(
        (answer) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text: answer }),
        reject,
      );
    });
    asked.end(sent);
  });
}

/** The members of a JSON answer. @throws when it is no success */
export async function fetched(url: string): Promise<Readonly<Record<string, unknown>>> {
  const { status, text: answer } = await ask(url);
  if (status !== 200) throw new Error(`${url} answered ${status}: ${answer}`);
  return JSON.parse(answer) as Record<string, unknown>;
}
