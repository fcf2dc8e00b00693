#!/usr/bin/env node
/** The `quorate` command as a process. */
import { EXIT } from './exit.ts';
import { run } from './program.ts';

// Whoever reads may have had enough (`| head`): that is an end, not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.fine : EXIT.disk);
});

process.exitCode = await run(process.argv.slice(2), process);
