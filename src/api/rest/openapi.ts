/**
 * The description of this API (OpenAPI 3.1), generated from the schemas that validate it, and a page for
 * people made of the same tables. The page asks nobody else for anything.
 */
import { z } from 'zod';
import { PROBLEM_TYPE, PROBLEMS, type ProblemCode } from '../wire/problem.ts';
import { content, type Endpoint, ok } from './endpoint.ts';

/** What any request can meet. */
const ALWAYS: readonly ProblemCode[] = [
  'validation-failed',
  'forbidden',
  'internal',
  'shutting-down',
];

const PAGE_HEADERS = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  'x-content-type-options': 'nosniff',
};

interface JsonSchema {
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

function schemaOf(schema: z.ZodType): JsonSchema {
  const { $schema: _dialect, ...described } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
  });
  return described;
}

type Place = 'path' | 'query' | 'header';

function parametersIn(place: Place, schema: z.ZodObject | undefined): readonly object[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = schemaOf(schema);
  return Object.entries(properties).map(([name, described]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: described,
  }));
}

function bodyOf({ body }: Endpoint): object {
  if (body === undefined) return {};
  return { requestBody: { content: { 'application/json': { schema: schemaOf(body) } } } };
}

/** Responses by status; codes that share a status are named together. */
function responsesOf({ problems = [] }: Endpoint): Readonly<Record<string, object>> {
  const responses: Record<string, object> = { 200: { description: 'Answered.' } };
  for (const [status, codes] of byStatus([...ALWAYS, ...problems]))
    responses[status] = {
      description: codes.join(', '),
      content: { [PROBLEM_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
    };
  return responses;
}

function byStatus(codes: readonly ProblemCode[]): ReadonlyMap<number, readonly ProblemCode[]> {
  const statuses = new Map<number, ProblemCode[]>();
  for (const code of codes) {
    const { status } = PROBLEMS[code];
    statuses.set(status, [...(statuses.get(status) ?? []), code]);
  }
  return statuses;
}

function operationOf(endpoint: Endpoint): object {
  const { summary, role, params, query, headers } = endpoint;
  return {
    summary,
    ...(role === null ? {} : { 'x-quorate-role': role }),
    parameters: [
      ...parametersIn('path', params),
      ...parametersIn('query', query),
      ...parametersIn('header', headers),
    ],
    ...bodyOf(endpoint),
    responses: responsesOf(endpoint),
  };
}

const PROBLEM_SCHEMA = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { enum: Object.keys(PROBLEMS) },
    detail: { type: 'string' },
    instance: { type: 'string' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        properties: {
          pointer: { type: 'string' },
          code: { type: 'string' },
          detail: { type: 'string' },
        },
      },
    },
  },
} as const;

/** The whole description. */
function openApi(endpoints: readonly Endpoint[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const endpoint of endpoints) {
    const methods = (paths[endpoint.path] ??= {});
    methods[endpoint.method.toLowerCase()] = operationOf(endpoint);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Quorate', version, summary: 'Coordination on one replicated log.' },
    paths,
    components: { schemas: { Problem: PROBLEM_SCHEMA } },
  };
}

function row({ method, path, role, summary }: Endpoint): string {
  const cells = [`<code>${method}</code>`, `<code>${path}</code>`, role ?? 'anyone', summary];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function problemRow([code, { status, title }]: [
  string,
  { status: number; title: string },
]): string {
  return `<tr><td><code>${code}</code></td><td>${status}</td><td>${title}</td></tr>`;
}

function page(endpoints: readonly Endpoint[], version: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Quorate ${version}: API</title>
<meta name="color-scheme" content="light dark">
<style>body{font:16px/1.5 system-ui;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.25rem .75rem;border-bottom:1px solid #8884}</style>
</head><body><h1>Quorate ${version}</h1>
<p>The full description, with every schema: <a href="/openapi.json">/openapi.json</a>. Entries as they
happen: the websocket <code>/v1/stream?after=0</code>.</p>
<h2>Endpoints</h2><table><tr><th>Method</th><th>Path</th><th>Role</th><th></th></tr>
${endpoints.map(row).join('\n')}</table>
<h2>Problems</h2><table><tr><th>Code</th><th>Status</th><th></th></tr>
${Object.entries(PROBLEMS).map(problemRow).join('\n')}</table>
</body></html>`;
}

/** The description and the page as endpoints; they describe themselves too. */
export function documentation(
  endpoints: readonly Endpoint[],
  version: string,
): readonly Endpoint[] {
  const described: Endpoint = {
    method: 'GET',
    path: '/openapi.json',
    summary: 'This API, described (OpenAPI 3.1).',
    role: null,
    reply: () => ok(openApi(all, version)),
  };
  const shown: Endpoint = {
    method: 'GET',
    path: '/docs',
    summary: 'This API, for people.',
    role: null,
    reply: () => content(page(all, version), PAGE_HEADERS),
  };
  const all = [...endpoints, described, shown];
  return [described, shown];
}
