import { Writable } from 'node:stream';

import { main } from '../src/cli/main.js';
import type { Terminal } from '../src/cli/output/terminal.js';
import { createCall } from './arguments.js';
import { checkVersion, Inputs } from './inputs.js';
import { draftsOfJob, runStep, setValues } from './step.js';

/** The members of a result with `--json` that are outputs of their own. */
interface Result {
  readonly ok: boolean;
  readonly state?: string;
  readonly descriptor?: { readonly digest: string };
  readonly tags?: readonly { readonly reference: string }[];
  /** The results of several lists. */
  readonly lists?: readonly Result[];
}

/** Runs the action: `multiarch create` with the inputs of the step, in this process. @returns the exit code */
export function runAction(terminal: Terminal): Promise<number> {
  const { env, stdout, stderr, stdin } = terminal;
  return runStep(terminal, async () => {
    const inputs = new Inputs(env);
    checkVersion(inputs.text('version'));
    const call = createCall(inputs);
    const result = new Text();
    const code = await main(call.argv, {
      stdout: result,
      stderr,
      stdin,
      env: { ...env, ...draftsOfJob(env), ...call.env },
    });
    const json = result.text.trimEnd();
    // It is JSON, of which no line can be a command to the runner.
    stdout.write(`::group::Result\n${json}\n::endgroup::\n`);
    await setValues(env, 'GITHUB_OUTPUT', outputsOf(json));
    return code;
  });
}

/** The outputs besides those that `--github` sets after a push. */
function outputsOf(json: string): Record<string, string> {
  const result = JSON.parse(json) as Result;
  const lists = result.lists ?? [result];
  const [list, ...others] = lists;
  const digest = others.length === 0 ? list?.descriptor?.digest : undefined;
  // The tags of a draft are not published, and those of a failure are not as they should be.
  const tags = lists.flatMap(({ state, tags: moves = [] }) =>
    !result.ok || state === 'draft' ? [] : moves.map(({ reference }) => reference),
  );
  return { ...(digest !== undefined && { digest }), tags: tags.join('\n'), json };
}

/** Keeps what is written as text. */
class Text extends Writable {
  readonly #chunks: Buffer[] = [];

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#chunks.push(chunk);
    done();
  }

  get text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
