import { homedir } from 'node:os';
import { resolve as resolvePath } from 'node:path';

import pLimit from 'p-limit';

import type { LoginEnvironment } from '../auth/credentials/docker-config.js';
import type { ExplicitCredential } from '../auth/credentials/static-credential-provider.js';
import type { OnEvent } from '../content/events.js';
import type { Limit } from '../content/limit.js';
import { storeDirectory } from '../drafts/directory.js';
import { PushHistory } from '../drafts/history.js';
import { DraftStore } from '../drafts/store.js';
import type { Environment } from '../environment.js';
import type { HttpEvent } from '../http/message.js';
import type { TlsFiles } from '../http/tls/tls-config.js';
import {
  familiarLocation,
  formatImageLocation,
  isLocalName,
  isTargetLocation,
  nameIn,
  parseImageLocation,
  withTag,
  type ImageLocation,
  type TargetLocation,
} from '../oci/image-location.js';
import { ArgumentError } from '../oci/errors.js';
import { parseTag } from '../oci/reference.js';
import { VERSION } from '../version.js';
import { TransportResolver } from './transport-resolver.js';

export interface MultiarchOptions {
  /** Directory of the drafts. @default `$MULTIARCH_STORE`, else the platform's place for such files */
  readonly store?: string | undefined;
  /** Plain HTTP, and TLS without verification, for the registries that are named in calls. @default false */
  readonly insecure?: boolean | undefined;
  /** Reads and writes at once. @default 8 */
  readonly concurrency?: number | undefined;
  /** How often a failed request is sent again. @default 4 */
  readonly retries?: number | undefined;
  /**
   * Where settings and credentials are looked up. The SDK of AWS reads the process's own environment and no other: Amazon ECR
   * is asked for a login only where all `AWS_…` variables in here are those of the process. @default process.env
   */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** A login for one registry, which goes before those that this machine keeps. */
  readonly login?: ExplicitCredential | undefined;
  /** Files with certificates for the registries that are named in calls, beside those of this machine. */
  readonly tls?: TlsFiles | undefined;
  /** Cancels whatever is running. */
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: OnEvent | undefined;
  readonly onHttpEvent?: ((event: HttpEvent) => void) | undefined;
}

/** What the calls of one run share: the drafts, the open places, and how much may happen at once. */
export class ClientContext {
  readonly store: DraftStore;
  readonly history: PushHistory;
  readonly transports: TransportResolver;
  /** Where the logins of this machine are found. */
  readonly environment: LoginEnvironment;
  /** The caller's own. */
  readonly login: ExplicitCredential | undefined;
  readonly limit: Limit;
  readonly signal: AbortSignal | undefined;
  readonly onEvent: OnEvent | undefined;

  constructor(options: MultiarchOptions = {}) {
    const { env = process.env, signal, onEvent, concurrency = 8 } = options;
    const homeDirectory = homedir();
    const environment: Environment = { env, homeDirectory, platform: process.platform };
    const directory = storeDirectory(environment, options.store);
    this.store = new DraftStore(directory);
    this.history = new PushHistory(directory);
    this.transports = new TransportResolver({
      insecure: options.insecure ?? false,
      retries: options.retries,
      env,
      homeDirectory,
      userAgent: `multiarch/${VERSION}`,
      onEvent,
      onHttpEvent: options.onHttpEvent,
      login: options.login,
      tls: options.tls,
    });
    this.environment = environment;
    this.login = options.login;
    this.limit = pLimit(concurrency);
    this.signal = signal;
    this.onEvent = onEvent;
  }

  /**
   * The name of a draft. A layout without a tag gets docker's default one, so that the index can be found in it.
   * @throws ArgumentError for a place that nothing can be published to
   */
  draftTarget(list: string): TargetLocation {
    const location = this.targetLocation(list);
    const { tag, digest } = nameIn(location);
    return tag === undefined && digest === undefined ? withTag(location, parseTag('latest')) : location;
  }

  /** @throws ArgumentError for a place that nothing can be published to */
  targetLocation(text: string): TargetLocation {
    const location = this.location(text);
    if (isTargetLocation(location)) return location;
    throw new ArgumentError(
      `${familiarLocation(location)} can only be read: multiarch writes no ${location.transport} images`,
      {
        hint: 'Publish to a registry, an image layout (oci:DIR) or a tar file of one (oci-archive:FILE:TAG).',
      },
    );
  }

  /** A path is made absolute: drafts hold it, and are used from other directories too. */
  location(text: string): ImageLocation {
    const location = parseImageLocation(text);
    return 'path' in location ? { ...location, path: resolvePath(location.path) } : location;
  }

  /** A word for entries of a draft, with a path as drafts hold it. */
  selector(image: string): string {
    return isLocalName(image) ? formatImageLocation(this.location(image)) : image;
  }
}
