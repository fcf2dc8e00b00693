/** What was thrown, with where it came from. */
export function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
