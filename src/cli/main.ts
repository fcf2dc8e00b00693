#!/usr/bin/env -S node --max-semi-space-size=8
/**
 * The `quorate` command as a process.
 *
 * Said to Node above: the young generation of the heap may take three times 8 MiB instead of three times 16.
 * What a command leaves behind dies before that is full, and a node is 15 MiB smaller for it.
 */
import { EXIT } from './exit.ts';
import { run } from './program.ts';

// Whoever reads may have had enough (`| head`): that is an end, not a fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.fine : EXIT.disk);
});

process.exitCode = await run(process.argv.slice(2), process);
