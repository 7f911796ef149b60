import type { OnEvent } from '../../content/events.js';
import type { LoginInput, ShownLogin } from '../../client/login.js';
import { ArgumentError, UnauthorizedError, printable } from '../../oci/errors.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';
import { givenCredential } from '../input/login-flags.js';
import { askTyped, isKeyboard, readPassword } from '../input/prompt.js';
import type { Command, CommandContext } from './command.js';

const OPTIONS = {
  username: {
    alias: 'u',
    type: 'string',
    value: 'USER',
    describe: 'User name; asked for on a terminal if missing',
  },
  password: {
    alias: 'p',
    type: 'string',
    value: 'PASSWORD',
    describe: 'Password; visible to other users of this machine',
  },
  'password-stdin': { type: 'boolean', describe: 'Read the password from standard input' },
  show: { type: 'boolean', describe: 'Only show which login is used and where it comes from' },
} as const satisfies OptionDeclarations;

interface LoginArguments extends OptionValues<typeof OPTIONS> {
  readonly host?: string | undefined;
}

/** The registry if none is named, as in docker. */
const DEFAULT_HOST = 'docker.io';

/** `multiarch login [HOST]` */
export const login: Command<LoginArguments> = {
  takesLogin: true,
  positionals: {
    host: 'The registry, by default docker.io; with --show also a repository',
  },
  options: OPTIONS,
  examples: ['login', 'login registry.example.com -u USER --password-stdin < password.txt'],
  async run(args, context) {
    const { client, output, options } = context;
    if (args.show === true) {
      if (args.password !== undefined) throw new ArgumentError('--show and --password exclude each other');
      const shown = await client.showLogin(args.host ?? DEFAULT_HOST, {
        credential: givenCredential(options, context),
      });
      if (options.json) output.json(shown);
      else output.line(shownLine(shown));
      return;
    }
    const host = hostOf(args.host);
    if (!isGiven(args, options) && (await reuseLogin(host, context))) return;
    const saved = await client.login(host, await enteredLogin(args, context));
    const { registry, username, origin, plainText } = saved;
    if (plainText && !options.quiet) for (const line of unencryptedWarning(origin)) output.notice(line);
    if (options.json) output.json({ registry, username, origin, plainText });
    else output.line('Login Succeeded');
  },
};

/** `multiarch logout [HOST]` */
export const logout: Command<{ readonly host?: string | undefined }> = {
  positionals: { host: 'The registry, by default docker.io' },
  options: {},
  async run(args, { client, output, options }) {
    const { registry, removed } = await client.logout(hostOf(args.host));
    if (options.json) output.json({ registry, removed });
    else output.line(`${removed ? 'Removing login credentials for' : 'Not logged in to'} ${registry}`);
  },
};

/**
 * Returns the host of `HOST`, `HOST/PATH` or `https://HOST/PATH`. Unlike docker, does not take the `team` of `team/app`
 * for a host, since a password would be sent there.
 */
function hostOf(name: string = DEFAULT_HOST): string {
  const [, scheme, host = '', path] = /^(https?:\/\/)?([^/]*)(\/.*)?$/s.exec(name) ?? [];
  const isHost = path === undefined || scheme !== undefined || /[.:]|^localhost$/.test(host);
  return isHost ? host : name;
}

/** Reports whether a flag gives a part of a login. */
function isGiven(args: LoginArguments, options: CommandContext['options']): boolean {
  const { username, password, 'password-stdin': fromStdin = false } = args;
  return (
    fromStdin ||
    [username, password, options['registry-token'], options.creds].some((flag) => flag !== undefined)
  );
}

/**
 * Verifies the login that the machine already has, as docker does before it asks for another.
 * @returns whether it is valid; on a terminal, another one is asked for if it is not
 * @throws UnauthorizedError if the registry rejects it
 */
async function reuseLogin(
  host: string,
  { client, output, options, stdin }: CommandContext,
): Promise<boolean> {
  const onEvent: OnEvent = (event) => {
    if (event.kind !== 'login' || event.origin === undefined || options.quiet) return;
    const user = event.username === undefined ? '' : ` [Username: ${printable(event.username)}]`;
    output.notice(`Authenticating with existing credentials...${user}`);
  };
  try {
    const verified = await client.verifyLogin(host, { onEvent });
    if (verified === undefined) return false;
    const { registry, username, origin } = verified;
    if (options.json) output.json({ registry, username, origin });
    else output.line('Login Succeeded');
    return true;
  } catch (error) {
    if (!(error instanceof UnauthorizedError) || !isKeyboard(stdin)) throw error;
    output.notice('Stored credentials invalid or expired');
    return false;
  }
}

/** docker's message, which scripts look for. */
function unencryptedWarning(file: string): readonly string[] {
  return [
    `WARNING! Your credentials are stored unencrypted in '${file}'.`,
    'Configure a credential helper to remove this warning. See',
    'https://docs.docker.com/go/credential-store/',
  ];
}

/** Formats a login for `--show`. Its parts come from helpers and files. */
function shownLine({ registry, repository, login: found }: ShownLogin): string {
  const name = repository === undefined ? registry : `${registry}/${repository}`;
  if (found === undefined) return `${name}: anonymous`;
  const user = found.username === undefined ? found.kind : `${printable(found.username)} (${found.kind})`;
  return `${name}: ${user} from ${found.provider}: ${printable(found.origin)}`;
}

async function enteredLogin(args: LoginArguments, context: CommandContext): Promise<LoginInput> {
  const { username, password, 'password-stdin': fromStdin = false } = args;
  const { stdin, output, options, signal } = context;
  if (options.creds !== undefined) {
    throw new ArgumentError('login takes --username and --password-stdin, not --creds');
  }
  if (options['registry-token'] !== undefined) {
    throw new ArgumentError('login cannot save a --registry-token', {
      hint: 'Log in with a user name and password, or give the token to the command that needs it.',
    });
  }
  if (password !== undefined) {
    output.notice('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
    if (fromStdin) throw new ArgumentError('--password and --password-stdin exclude each other');
  }
  if (fromStdin) {
    if (username === undefined) throw new ArgumentError('--password-stdin needs --username');
    return { username, password: await readPassword(context) };
  }
  if (username !== undefined && password !== undefined) return { username, password };
  if (!isKeyboard(stdin)) {
    throw new ArgumentError(
      `no ${username === undefined ? 'user name' : 'password'} given, and standard input is not a terminal`,
      { hint: 'Give --username USER and --password-stdin, and the password on standard input.' },
    );
  }
  const typed = await askTyped(
    stdin,
    [
      ...(username === undefined ? [{ text: 'Username: ', secret: false }] : []),
      ...(password === undefined ? [{ text: 'Password: ', secret: true }] : []),
    ],
    (text) => output.prompt(text),
    signal,
  );
  return {
    username: username ?? typed.shift() ?? '',
    password: password ?? typed.shift() ?? '',
  };
}
