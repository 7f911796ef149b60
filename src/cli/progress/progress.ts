/**
 * Progress, statistics and the request log on stderr.
 *
 * Offers progress, request-line, stats.
 * @module cli/progress
 */
import type { Progress } from '../output/output.js';
import { mayColor, type Terminal } from '../output/terminal.js';
import type { GlobalOptions } from '../global-options.js';
import { DrawnProgress } from './progress-drawn.js';
import { PlainProgress } from './progress-plain.js';

/** Picks how progress is shown: drawn on a terminal, else as plain lines, else not at all. */
export function startProgress(options: GlobalOptions, terminal: Terminal): Progress {
  const { stdout, stderr, env } = terminal;
  if (options.quiet || options.progress === 'none') return silent(terminal);
  const progress =
    options.progress === 'plain' || !canDraw(terminal)
      ? new PlainProgress(stderr)
      : new DrawnProgress(stderr, { color: mayColor(stderr, env) });
  // The result names the children that were pushed: who sees it on the same screen need not read of them twice.
  return stdout.isTTY === true && !options.json ? withoutChildren(progress) : progress;
}

/** ora never returns on a terminal that says it has no columns, and draws into the logs of CI systems. */
function canDraw({ stderr, env }: Terminal): boolean {
  const { CI = '', TERM } = env;
  return (
    stderr.isTTY === true && (stderr.columns ?? 0) > 0 && (CI === '' || CI === 'false') && TERM !== 'dumb'
  );
}

function withoutChildren(progress: Progress): Progress {
  return {
    show: (event) => {
      if (event.kind !== 'child-pushed') progress.show(event);
    },
    print: (line) => progress.print(line),
    stop: () => progress.stop(),
  };
}

function silent({ stderr }: Terminal): Progress {
  return { show: () => {}, print: (line) => void stderr.write(`${line}\n`), stop: () => {} };
}
