/**
 * The `quorate` command: what can be said, with help and examples, and which part does it. Every command
 * resolves to how the process ends.
 */
import { Command, CommanderError } from 'commander';
import { isSettingName, type SettingName } from '../config/settings.ts';
import { VERSION } from '../version.ts';
import { type ConfigOptions, SETTING_FLAGS, showConfig } from './config.ts';
import { type Ends, examples, outputOption, type Reporting, shown, urlOption } from './family.ts';
import { endingOf, EXIT, type Exit } from './exit.ts';
import type { Invocation } from './invocation.ts';
import { addClusterCommands } from './cluster-commands.ts';
import { addLogCommands } from './log-commands.ts';
import { Screen, type Streams } from './screen.ts';
import { showStatus, type StatusOptions } from './status.ts';

const EXIT_CODES = `
Exit codes:
  0 fine, 1 something was found, 2 usage, 3 unreachable, 4 not what was written;
  start also: 70 a fault of ours, 74 the disk, 78 the configuration`;

/** Runs the command that `words` say. @returns how the process ends */
export async function run(words: readonly string[], streams: Streams): Promise<Exit> {
  const screen = new Screen(streams);
  try {
    return await ended(words, { screen, env: streams.env });
  } catch (error) {
    // Commander has said what it had to say.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.fine : EXIT.usage;
    const { exit, line } = endingOf(error);
    screen.tell(`quorate: ${line}`);
    return exit;
  }
}

async function ended(words: readonly string[], invocation: Invocation): Promise<Exit> {
  let exit: Exit = EXIT.fine;
  const program = programOf(invocation, async (command) => {
    exit = await command;
  });
  await program.parseAsync(words, { from: 'user' });
  return exit;
}

function programOf(invocation: Invocation, ends: Ends): Command {
  const { screen } = invocation;
  const program = new Command('quorate')
    .description(
      'An event-sourced coordination service: one provable log, and what follows from it.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => screen.say(text.trimEnd()),
      writeErr: (text) => screen.tell(text.trimEnd()),
    })
    .showHelpAfterError('(say --help for what it takes)')
    .addHelpText('after', EXIT_CODES);
  addStart(program, invocation, ends);
  addClusterCommands(program, invocation, ends);
  addStatus(program, invocation, ends);
  addLogCommands(program, invocation, ends);
  addConfig(program, invocation, ends);
  return program;
}

function addStart(program: Command, invocation: Invocation, ends: Ends): void {
  withSettings(program.command('start').description('run a node until it is told to stop'))
    .addHelpText(
      'after',
      examples(
        'quorate start',
        'quorate start --data-dir /var/lib/quorate --p2p-port 8770',
        'quorate start --node-id node-1 --peers node-2@127.0.0.1:8771:4322,node-3@127.0.0.1:8772:4323',
        'quorate start --node-id node-4 --p2p-port 8773 --raft-port 4324 --join 127.0.0.1:4321',
      ),
    )
    .action((options: SettingOptions) => ends(started(invocation, configOptions(options))));
}

/** The parts of a node are loaded only for this: the other commands begin at once. */
async function started(invocation: Invocation, options: ConfigOptions): Promise<Exit> {
  const { start } = await import('./start.ts');
  return start(invocation, options);
}

function addStatus(program: Command, invocation: Invocation, ends: Ends): void {
  program
    .command('status')
    .description('how a running node is')
    .addOption(urlOption(invocation))
    .addOption(outputOption())
    .addHelpText(
      'after',
      examples('quorate status', 'quorate status --url http://127.0.0.1:8770 -o json'),
    )
    .action((options: StatusOptions & Reporting) =>
      ends(shown(invocation, options, showStatus(invocation, options))),
    );
}

function addConfig(program: Command, invocation: Invocation, ends: Ends): void {
  withSettings(
    program.command('config').description('every setting, its value, and where it was said'),
  )
    .addOption(outputOption())
    .addHelpText('after', examples('quorate config', 'QUORATE_P2P_PORT=0 quorate config -o json'))
    .action((options: SettingOptions & Reporting) =>
      ends(shown(invocation, options, showConfig(invocation, configOptions(options)))),
    );
}

/** Values by commander's names for the flags: `p2pPort`. */
type SettingOptions = Readonly<Record<string, string>>;

function withSettings(command: Command): Command {
  command.option('--config <file>', 'a JSON object of settings, like { "p2p_port": 8770 }');
  for (const { flag, description } of SETTING_FLAGS) command.option(`${flag} <value>`, description);
  return command;
}

function configOptions({ config, ...options }: SettingOptions): ConfigOptions {
  const said = Object.entries(options).map(([name, text]) => [settingOf(name), text] as const);
  const flags: Partial<Record<SettingName, string>> = {};
  for (const [name, text] of said) if (isSettingName(name)) flags[name] = text;
  return config === undefined ? { flags } : { flags, config };
}

/** `P2P_PORT` of `p2pPort`. */
function settingOf(option: string): string {
  return option.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
