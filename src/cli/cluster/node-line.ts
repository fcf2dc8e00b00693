/**
 * What a node of a local cluster says, for people who look at several at once: its lines are JSON for
 * machines, of which the few that tell what happens become a sentence.
 */
import { z } from 'zod';
import type { Colour } from '../screen.ts';

export interface News {
  readonly colour: Colour;
  readonly text: string;
  /** Told while the nodes still look for each other, too. */
  readonly early: boolean;
}

const LINE = z.looseObject({ level: z.number(), msg: z.string() });
type Line = z.output<typeof LINE>;

const WARNING = 40;
const ERROR = 50;

const BECAME = z.object({
  role: z.enum(['leader', 'follower', 'candidate', 'pre_candidate']),
  term: z.number(),
  why: z.string(),
});
const MEMBER = z.object({ id: z.string() });
const MEMBERS = z.object({
  configuration: z.object({
    voters: z.array(MEMBER),
    outgoing: z.array(MEMBER),
    learners: z.array(MEMBER),
  }),
});
const PROGRESS = z.object({ what: z.string() });
const SIGNALLED = z.object({ signal: z.string() });
const FAILED = z.object({ err: z.object({ message: z.string() }) });

type Became = z.output<typeof BECAME>;

const ROLES: Readonly<Record<Became['role'], (became: Became) => News>> = {
  leader: ({ term, why }) => early('green', `leads in term ${term}: ${why}`),
  follower: ({ term, why }) => early('dim', `follows in term ${term}: ${why}`),
  candidate: ({ term }) => early('yellow', `asks for votes in term ${term}`),
  pre_candidate: ({ why }) => early('yellow', `asks whether it would win an election: ${why}`),
};

/** What is made of the lines with a message of their own. Where they listen is in the table. */
const SENTENCES: Readonly<Record<string, (line: Line) => News | undefined>> = {
  raft_became: saying(BECAME, (became) => ROLES[became.role](became)),
  raft_configuration: saying(MEMBERS, ({ configuration }) =>
    early('cyan', membersIn(configuration)),
  ),
  joining: saying(PROGRESS, ({ what }) => early('dim', what)),
  stopping: saying(SIGNALLED, ({ signal }) => early('dim', `stops (${signal})`)),
};

function saying<Said>(
  schema: z.ZodType<Said>,
  say: (said: Said) => News,
): (line: Line) => News | undefined {
  return (line) => {
    const read = schema.safeParse(line);
    return read.success ? say(read.data) : undefined;
  };
}

function early(colour: Colour, text: string): News {
  return { colour, text, early: true };
}

type Configuration = z.output<typeof MEMBERS>['configuration'];

function membersIn({ voters, outgoing, learners }: Configuration): string {
  const parts = [
    `voters ${names(voters)}`,
    outgoing.length === 0 ? '' : `instead of ${names(outgoing)}`,
    learners.length === 0 ? '' : `learners ${names(learners)}`,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function names(members: readonly z.output<typeof MEMBER>[]): string {
  return members.map(({ id }) => id).join(' ');
}

/** What a person should read of a line; undefined where it is for machines. */
export function newsIn(text: string): News | undefined {
  const line = LINE.safeParse(jsonOf(text));
  return line.success ? sentence(line.data) : spoken(text);
}

/** A node that cannot go on says why in plain words. */
function spoken(text: string): News | undefined {
  return text.startsWith('quorate: ') ? early('red', text) : undefined;
}

function sentence(line: Line): News | undefined {
  const form = SENTENCES[line.msg];
  if (form !== undefined) return form(line);
  return line.level < WARNING ? undefined : trouble(line);
}

function trouble(line: Line): News {
  const failed = FAILED.safeParse(line);
  const text = failed.success ? `${line.msg}: ${failed.data.err.message}` : line.msg;
  const isError = line.level >= ERROR;
  return { colour: isError ? 'red' : 'yellow', text, early: isError };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
