import type { LoginInput, ShownLogin } from '../../client/login.js';
import { ArgumentError, printable } from '../../oci/errors.js';
import type { OptionDeclarations, OptionValues } from '../flags.js';
import { givenCredential } from '../input/login-flags.js';
import { askTyped, isKeyboard, readPassword } from '../input/prompt.js';
import type { Command, CommandContext } from './command.js';

const OPTIONS = {
  username: { alias: 'u', type: 'string', describe: 'User name; asked for on a terminal if missing' },
  password: {
    alias: 'p',
    type: 'string',
    describe: 'Password; visible to other users of this machine',
  },
  'password-stdin': { type: 'boolean', describe: 'Read the password from standard input' },
  show: { type: 'boolean', describe: 'Only show which login is used and where it comes from' },
} as const satisfies OptionDeclarations;

interface LoginArguments extends OptionValues<typeof OPTIONS> {
  readonly host: string;
}

/** `multiarch login HOST` */
export const login: Command<LoginArguments> = {
  takesLogin: true,
  positionals: {
    host: 'The registry; with --show also a repository',
  },
  options: OPTIONS,
  async run(args, context) {
    const { client, output, options } = context;
    if (args.show === true) {
      if (args.password !== undefined) throw new ArgumentError('--show and --password exclude each other');
      const shown = await client.showLogin(args.host, {
        credential: givenCredential(options, context),
      });
      if (options.json) output.json(shownJson(shown));
      else output.line(shownLine(shown));
      return;
    }
    const saved = await client.login(args.host, await enteredLogin(args, context));
    const { registry, username, origin, plainText } = saved;
    if (plainText && !options.quiet) output.error(unencryptedWarning(origin));
    if (options.json) output.json({ registry, username, place: origin, plainText });
    else output.line('Login Succeeded');
  },
};

/** `multiarch logout HOST` */
export const logout: Command<{ readonly host: string }> = {
  positionals: { host: 'The registry' },
  options: {},
  async run({ host }, { client, output, options }) {
    const { registry, removed } = await client.logout(host);
    if (options.json) output.json({ registry, removed });
    else output.line(`${removed ? 'Removing login credentials for' : 'Not logged in to'} ${registry}`);
  },
};

/** docker's message, which scripts look for. */
function unencryptedWarning(file: string): string {
  return `WARNING! Your credentials are stored unencrypted in '${file}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/`;
}

/** The field names of the JSON output are older than those of the library. */
function shownJson({ login: found, ...asked }: ShownLogin): unknown {
  if (found === undefined) return asked;
  const { provider, origin, ...rest } = found;
  return { ...asked, login: { ...rest, link: provider, place: origin } };
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
  if (options['registry-token'] !== undefined) {
    throw new ArgumentError('login cannot save a --registry-token', {
      hint: 'Log in with a user name and password, or give the token to the command that needs it.',
    });
  }
  if (password !== undefined) {
    output.error('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
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
