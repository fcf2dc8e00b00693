/** The family `quorate log …`: audits of a log, of a stopped node's directory or of a running node. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Ends } from './family.ts';
import type { Invocation } from './invocation.ts';
import { type DumpOptions, logDump } from './log/dump.ts';
import { EXPORT_FORMATS } from './log/export-file.ts';
import { type ExportOptions, logExport } from './log/export.ts';
import { logRepair, type RepairCommandOptions } from './log/repair.ts';
import { logReplay, type ReplayCommandOptions } from './log/replay.ts';
import { logStat } from './log/stat.ts';
import { logVerify } from './log/verify.ts';
import type { LogOptions } from './log/choose.ts';
import { examples, outputOption, type Reporting, shown } from './family.ts';

const EVERY = Number.MAX_SAFE_INTEGER;
/** Switches are off until they are said. */
const NOT_SAID = { raw: false, redecide: false, resume: false };

/** An option that takes an index; `newest` is what it is when nothing is said. */
function upTo(flags: string, description: string, newest: string): Option {
  return new Option(flags, description).argParser(index).default(EVERY, newest);
}

function index(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError('an index is a whole number.');
}

/** The options by which a log is chosen. */
function ofLog(command: Command): Command {
  return command
    .option(
      '--data-dir <directory>',
      'the data directory of a stopped node; it is not changed (default: ./data)',
    )
    .option('--url <address>', 'a running node, like http://127.0.0.1:8770')
    .option('--group <name>', 'the group whose log it is', 'main')
    .addOption(outputOption());
}

function ofRange(command: Command): Command {
  return command
    .option('--from <index>', 'the first entry', index, 1)
    .addOption(upTo('--to <index>', 'the last entry', 'the newest'));
}

/** Adds the whole family. */
export function addLogCommands(program: Command, invocation: Invocation, ends: Ends): void {
  const log = program.command('log').description('look at a log, check it, replay it, copy it');
  addStat(log, invocation, ends);
  addDump(log, invocation, ends);
  addVerify(log, invocation, ends);
  addReplay(log, invocation, ends);
  addExport(log, invocation, ends);
  addRepair(log, invocation, ends);
}

function addStat(log: Command, invocation: Invocation, ends: Ends): void {
  ofLog(
    log.command('stat').description('what is in it: entries by type and term, bytes, snapshots'),
  )
    .addHelpText('after', examples('quorate log stat --data-dir ./data'))
    .action((options: LogOptions & Reporting) =>
      ends(shown(invocation, options, logStat(invocation, options))),
    );
}

function addDump(log: Command, invocation: Invocation, ends: Ends): void {
  ofRange(ofLog(log.command('dump').description('its entries, decoded, with what they led to')))
    .option('--type <list>', 'only these types; * stands for anything', '*')
    .addOption(upTo('--limit <count>', 'at most so many', 'all'))
    .option('--raw', 'the stored frames in hexadecimal')
    .addHelpText(
      'after',
      examples(
        'quorate log dump --from 100 --limit 20',
        "quorate log dump --type 'lock_*,acquire_lock' -o ndjson | jq .outcome",
      ),
    )
    .action((options: DumpOptions) => ends(logDump(invocation, { ...NOT_SAID, ...options })));
}

function addVerify(log: Command, invocation: Invocation, ends: Ends): void {
  ofLog(log.command('verify').description('check everything that can be checked; name all faults'))
    .addHelpText(
      'after',
      examples(
        'quorate log verify --data-dir ./data',
        'quorate log verify --url http://127.0.0.1:8770',
      ),
    )
    .action((options: LogOptions & Reporting) =>
      ends(shown(invocation, options, logVerify(invocation, options))),
    );
}

function addReplay(log: Command, invocation: Invocation, ends: Ends): void {
  ofLog(log.command('replay').description('fold it from the beginning; print digest and roots'))
    .addOption(upTo('--until <index>', 'the last entry to fold', 'the newest'))
    .option('--redecide', 'decide every entry again, and compare with what was recorded')
    .addHelpText(
      'after',
      examples(
        'quorate log replay --data-dir ./data --redecide',
        'quorate log replay --until 1000 -o json',
      ),
    )
    .action((options: ReplayCommandOptions & Reporting) =>
      ends(shown(invocation, options, logReplay(invocation, { ...NOT_SAID, ...options }))),
    );
}

function addExport(log: Command, invocation: Invocation, ends: Ends): void {
  ofRange(
    ofLog(log.command('export').description('copy it out, as lines of JSON or as stored bytes')),
  )
    .addOption(new Option('--format <format>', 'how').choices(EXPORT_FORMATS).default('ndjson'))
    .option('--out <file>', 'where to (default: the output)')
    .option(
      '--resume',
      'go on with an export to a file that was interrupted, or that has grown old',
    )
    .addHelpText(
      'after',
      examples(
        'quorate log export --out main.ndjson',
        'quorate log export --out main.ndjson --resume',
        'quorate log export --format raw --url http://127.0.0.1:8770 > main.log',
      ),
    )
    .action((options: ExportOptions) => ends(logExport(invocation, { ...NOT_SAID, ...options })));
}

function addRepair(log: Command, invocation: Invocation, ends: Ends): void {
  log
    .command('repair')
    .description('write what can be proved of a damaged log to a new directory')
    .requiredOption('--data-dir <directory>', 'the damaged one; it is not changed')
    .requiredOption('--to <directory>', 'the new one; must not exist, or be empty')
    .addOption(outputOption())
    .addHelpText('after', examples('quorate log repair --data-dir ./data --to ./data.repaired'))
    .action((options: RepairCommandOptions & Reporting) =>
      ends(shown(invocation, options, logRepair(invocation, options))),
    );
}
