/** What names look like in commands: nodes, owners, jobs, locks. They fit a path segment and an index. */
import { z } from 'zod';

export const IDENTIFIER = z.string().regex(/^[A-Za-z0-9._:-]{1,128}$/);

/** A fencing token as a caller presents it: whatever it says, it is only ever compared. */
export const TOKEN = z.int().min(0);
