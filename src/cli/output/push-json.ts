import type { PushResult } from '../../client/push-record.js';
import type { Digest } from '../../oci/digest.js';
import type { PushPlan } from '../../publish/plan.js';
import type { TagChange } from '../../publish/tag-change.js';
import type { JsonMembers } from './json-result.js';

/** The result of a push or copy for `--json`. */
export function pushJson({ report, pushed, referrers }: PushResult): JsonMembers {
  const { mediaType, digest, size, references, platforms, tags } = report;
  return {
    reference: references[0],
    state: 'published',
    descriptor: { mediaType, digest, size },
    references,
    platforms,
    tags,
    pushed: pushed.map((child) => `${child.repository}@${child.digest}`),
    referrers,
  };
}

/** What a push or copy would do, for `--json`. */
export function planJson({ mediaType, digest, size, content, tags }: PushPlan): JsonMembers {
  return {
    dryRun: true,
    descriptor: { mediaType, digest, size },
    tags: tags.map((change) => tagMove(change, digest)),
    content,
  };
}

function tagMove({ repository, tag, previous, outcome }: TagChange, digest: Digest): JsonMembers {
  return { reference: `${repository}:${tag}`, previous, digest, outcome };
}
