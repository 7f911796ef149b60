import type { WorkEvent } from '../../content/events.js';
import { formatPlatformFull } from '../../oci/platform.js';
import { formatBytes } from '../output/format.js';
import { shortDigest } from './transfers.js';

/** What a finished step is called on stderr; `undefined` for an event that finishes nothing. */
export function stepLine(event: WorkEvent): string | undefined {
  switch (event.kind) {
    case 'resolved': {
      const platforms = event.entries.flatMap(({ platform }) =>
        platform === undefined || platform.os === 'unknown' ? [] : [formatPlatformFull(platform)],
      );
      return `Read ${event.source}: ${platforms.length === 0 ? 'no platform' : platforms.join(', ')}`;
    }
    case 'blob-done': {
      const { digest, size, outcome } = event;
      const done = { present: 'There already', mounted: 'Mounted', copied: 'Copied' }[outcome];
      return `${done}: ${shortDigest(digest)} (${formatBytes(size)})`;
    }
    case 'child-pushed':
      return `Pushed ${event.repository}@${event.digest}`;
    case 'tagged':
      return event.outcome === 'moved'
        ? `Tagged ${event.repository}:${event.tag}`
        : `${event.repository}:${event.tag} has this digest already`;
    case 'waiting':
      return `Waiting for ${event.sources.join(', ')}`;
    case 'login':
    case 'warning':
    case 'blob-started':
    case 'blob-progress':
      return undefined;
  }
}
