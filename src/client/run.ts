import { homedir } from 'node:os';
import { resolve as resolvePath } from 'node:path';

import pLimit from 'p-limit';

import type { OnEvent } from '../content/events.js';
import type { Limit } from '../content/limit.js';
import { storeDirectory } from '../drafts/directory.js';
import { PushHistory } from '../drafts/history.js';
import { DraftStore } from '../drafts/store.js';
import type { HttpEvent } from '../http/message.js';
import { formatImageLocation, parseImageLocation, type ImageLocation } from '../oci/image-location.js';
import { parseTag } from '../oci/reference.js';
import { VERSION } from '../version.js';
import { nameIn, withTag } from './location-name.js';
import { Places } from './places.js';

export interface MultiarchOptions {
  /** Directory of the drafts. @default `$MULTIARCH_STORE`, else the platform's place for such files */
  readonly store?: string | undefined;
  /** Plain HTTP, and TLS without verification, for the registries that are named in calls. @default false */
  readonly insecure?: boolean | undefined;
  /** Reads and writes at once. @default 8 */
  readonly concurrency?: number | undefined;
  /** How often a failed request is sent again. @default 4 */
  readonly retries?: number | undefined;
  /** Where settings and credentials are looked up. @default process.env */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** Cancels whatever is running. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
  readonly onHttpEvent?: ((event: HttpEvent) => void) | undefined;
}

/** What the calls of one run share: the drafts, the open places, and how much may happen at once. */
export class Run {
  readonly store: DraftStore;
  readonly history: PushHistory;
  readonly places: Places;
  readonly limit: Limit;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: OnEvent | undefined;

  constructor(options: MultiarchOptions = {}) {
    const { env = process.env, signal, onEvent, concurrency = 8 } = options;
    const homeDirectory = homedir();
    const surroundings = { env, platform: process.platform, home: homeDirectory };
    const directory = storeDirectory(surroundings, options.store);
    this.store = new DraftStore(directory);
    this.history = new PushHistory(directory);
    this.places = new Places({
      insecure: options.insecure ?? false,
      retries: options.retries,
      env,
      homeDirectory,
      userAgent: `multiarch/${VERSION}`,
      onEvent,
      onHttpEvent: options.onHttpEvent,
    });
    this.limit = pLimit(concurrency);
    this.signal = signal;
    this.onEvent = onEvent;
  }

  /** The name of a draft. A layout without a tag gets docker's default one, so that the index can be found in it. */
  draftTarget(list: string): ImageLocation {
    const location = this.location(list);
    const { tag, digest } = nameIn(location);
    return tag === undefined && digest === undefined ? withTag(location, parseTag('latest')) : location;
  }

  /** A layout's path is made absolute: drafts hold it, and are used from other directories too. */
  location(text: string): ImageLocation {
    const location = parseImageLocation(text);
    return location.transport === 'oci' ? { ...location, path: resolvePath(location.path) } : location;
  }

  /** A word for entries of a draft, with a layout's path as drafts hold it. */
  selector(image: string): string {
    return image.startsWith('oci:') ? formatImageLocation(this.location(image)) : image;
  }
}
