import { isIndexType } from '../../oci/media-type.js';
import type { PlannedContent, PushPlan } from '../../publish/plan.js';
import { columns } from './columns.js';
import { counted, formatBytes } from './format.js';
/** What happens to content, in the order of the totals, and what totals call it. */
const ACTIONS: readonly (readonly [action: PlannedContent['action'], total: string])[] = [
  ['present', 'there already'],
  ['mount', 'to mount'],
  ['upload', 'to upload'],
  ['put', 'to put'],
];

/**
 * A plan as a person reads it: a line for each piece of content and each tag, and the totals.
 *
 * ```text
 * upload   blob       registry.example.com/app@sha256:…   2.1 kB
 * put      manifest   registry.example.com/app@sha256:…   402 B
 * tag      index      registry.example.com/app:1.2        491 B    new
 * ```
 */
export function planLines({ content, tags, mediaType, size }: PushPlan): string[] {
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
      outcome === 'moved' ? (previous === undefined ? 'new' : `held ${previous}`) : '',
    ]),
  ];
  const totals = ACTIONS.flatMap(([action, words]) => {
    const meant = content.filter((each) => each.action === action);
    if (meant.length === 0) return [];
    const bytes = meant.reduce((sum, each) => sum + each.size, 0);
    return [`${meant.length} ${words} (${formatBytes(bytes)})`];
  });
  const moved = tags.filter(({ outcome }) => outcome === 'moved').length;
  return [...columns(rows), `Total: ${[...totals, `${counted(moved, 'tag')} to move`].join(', ')}`];
}
