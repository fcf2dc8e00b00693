/** What a command gets besides its own options. */
import type { Screen } from './screen.ts';

export interface Invocation {
  readonly screen: Screen;
  readonly env: NodeJS.ProcessEnv;
}
