import type { LoginInput, ShownLogin } from '../../client/login.js';
import { ArgumentError, printable } from '../../oci/errors.js';
import type { Command, CommandContext, OptionValues } from './command.js';
import { givenCredential } from '../input/login-flags.js';
import { readPassword, askTyped, isKeyboard } from '../input/prompt.js';
import type { OptionDeclarations } from '../global-options.js';

const OPTIONS = {
  username: {
    alias: 'u',
    type: 'string',
    describe: 'The user name; asked for on a terminal where it is missing',
  },
  password: {
    alias: 'p',
    type: 'string',
    describe: 'The password; other users of this machine can see it here',
  },
  'password-stdin': { type: 'boolean', describe: 'Read the password from standard input' },
  show: { type: 'boolean', describe: 'Only show which login is used, and where it is from' },
} as const satisfies OptionDeclarations;

interface LoginArguments extends OptionValues<typeof OPTIONS> {
  readonly host: string;
}

/** `multiarch login HOST` */
export const login: Command<LoginArguments> = {
  takesLogin: true,
  positionals: {
    host: { type: 'string', describe: 'The registry; with --show also one of its repositories' },
  },
  options: OPTIONS,
  async run(args, context) {
    const { client, output, options } = context;
    if (args.show === true) {
      if (args.password !== undefined) throw new ArgumentError('--show takes no --password');
      const shown = await client.showLogin(args.host, givenCredential(options, context));
      if (options.json) output.json(shown);
      else output.line(shownLine(shown));
      return;
    }
    const kept = await client.login(args.host, await enteredLogin(args, context));
    if (kept.plainText && !options.quiet) output.error(unencrypted(kept.place));
    if (options.json) output.json(kept);
    else output.line('Login Succeeded');
  },
};

/** In the words of docker, which scripts look for. */
function unencrypted(file: string): string {
  return `WARNING! Your credentials are stored unencrypted in '${file}'.
Configure a credential helper to remove this warning. See
https://docs.docker.com/go/credential-store/`;
}

/** Helpers and files may say anything. */
function shownLine({ registry, repository, login: found }: ShownLogin): string {
  const asked = repository === undefined ? registry : `${registry}/${repository}`;
  if (found === undefined) return `${asked}: anonymous`;
  const who = found.username === undefined ? found.kind : `${printable(found.username)} (${found.kind})`;
  return `${asked}: ${who} from ${found.link}: ${printable(found.place)}`;
}

async function enteredLogin(args: LoginArguments, context: CommandContext): Promise<LoginInput> {
  const { username, password, 'password-stdin': fromStdin = false } = args;
  const { stdin, output, options, signal } = context;
  if (options.registryToken !== undefined) {
    throw new ArgumentError('--registry-token is for one call and is not kept', {
      hint: 'Log in with a user name and a password, or give the token to the command that needs it.',
    });
  }
  if (password !== undefined) {
    output.error('WARNING! Using --password via the CLI is insecure. Use --password-stdin.');
    if (fromStdin) throw new ArgumentError('--password and --password-stdin are two ways to say the same');
  }
  if (fromStdin) {
    if (username === undefined) throw new ArgumentError('--password-stdin needs --username');
    return { username, password: await readPassword(context) };
  }
  if (username !== undefined && password !== undefined) return { username, password };
  if (!isKeyboard(stdin)) {
    throw new ArgumentError(
      `no ${username === undefined ? 'user name' : 'password'} given, and no terminal to ask for it`,
      { hint: 'Give --username USER and --password-stdin, and the password on standard input.' },
    );
  }
  const answers = await askTyped(
    stdin,
    [
      ...(username === undefined ? [{ text: 'Username: ', secret: false }] : []),
      ...(password === undefined ? [{ text: 'Password: ', secret: true }] : []),
    ],
    (text) => output.prompt(text),
    signal,
  );
  return {
    username: username ?? answers.shift() ?? '',
    password: password ?? answers.shift() ?? '',
  };
}
