import { isIndexType } from '../../oci/media-type.js';
import type { PlannedContent, PushPlan } from '../../publish/plan.js';
import { counted, formatBytes } from './format.js';
import { tableLines } from './tables.js';
import type { Screen } from './terminal.js';
import { usableWidth, wrap } from './text-layout.js';

/** The actions in the order of the totals, with their text there. */
const ACTIONS: readonly (readonly [action: PlannedContent['action'], text: string])[] = [
  ['present', 'already present'],
  ['mount', 'to mount'],
  ['upload', 'to upload'],
  ['put', 'to put'],
];

/**
 * Formats a plan: a line for each manifest, blob and tag, and the totals.
 *
 * ```text
 * upload   blob       registry.example.com/app@sha256:…   2.1 kB
 * put      manifest   registry.example.com/app@sha256:…   402 B
 * tag      index      registry.example.com/app:1.2        491 B    new
 * ```
 */
export function planLines({ content, tags, mediaType, size }: PushPlan, screen: Screen): string[] {
  const rows = [
    ...content.map(({ action, kind, repository, digest, size: bytes }) => [
      action,
      kind,
      `${repository}@${digest}`,
      formatBytes(bytes),
      '',
    ]),
    ...tags.map(({ repository, tag, outcome, previous }) => [
      outcome === 'moved' ? 'tag' : 'present',
      isIndexType(mediaType) ? 'index' : 'manifest',
      `${repository}:${tag}`,
      formatBytes(size),
      outcome === 'moved' ? (previous === undefined ? 'new' : `previously ${previous}`) : '',
    ]),
  ];
  const totals = ACTIONS.flatMap(([action, text]) => {
    const affected = content.filter((each) => each.action === action);
    if (affected.length === 0) return [];
    const bytes = affected.reduce((sum, each) => sum + each.size, 0);
    return [`${affected.length} ${text} (${formatBytes(bytes)})`];
  });
  const moved = tags.filter(({ outcome }) => outcome === 'moved').length;
  const total = `Total: ${[...totals, `${counted(moved, 'tag')} to move`].join(', ')}`;
  return [...tableLines([], rows, screen), ...wrap(total, usableWidth(screen), screen.symbols)];
}
