/// <reference lib="esnext.disposable" preserve="true" />
import { annotateEntry, annotateIndex, type EntryChanges, type IndexChanges } from '../drafts/annotate.js';
import { removeEntries } from '../drafts/edits.js';
import type { DraftList } from '../drafts/store.js';
import type { CacheUsage } from '../cache/cache-usage.js';
import type { Selector, Source } from '../content/source.js';
import type { Target } from '../content/target.js';
import { nameIn } from '../oci/image-location.js';
import { parseTag } from '../oci/reference.js';
import type { PushPlan } from '../publish/plan.js';
import { openContext, runCall, type ClientContext, type MultiarchOptions } from './client-context.js';
import { draftLocation, entrySelector, locationOf, publishLocation } from './locations.js';
import type { CopyOptions, CopyResult } from './copy.js';
import type { CreateAndPushOptions, CreateAndPushResult } from './create-and-push.js';
import type { ListInput } from './create-lists.js';
import type { CreateOptions, EntryAnnotations } from './create-options.js';
import type { DeleteOptions, DeleteResult } from './delete.js';
import type { DigestOptions, DigestResult } from './digest.js';
import type { DraftState } from './draft-state.js';
import { deleteDrafts, editDraft } from './edit-drafts.js';
import { withEntryAnnotations } from './entry-annotations.js';
import { listDrafts } from './find-draft.js';
import type { CallOptions, ImageSource, ImageTarget } from './inputs.js';
import type { InspectOptions } from './inspect.js';
import type { Inspection } from './inspection.js';
import type {
  LoginInput,
  LogoutResult,
  SavedLogin,
  ShowLoginOptions,
  ShownLogin,
  VerifiedLogin,
} from './login.js';
import type { PushResult } from './push-record.js';
import type { PushOptions } from './push.js';
import type { SourceInput } from './sources.js';
import type { TagsOptions, TagsResult } from './tags.js';
import type { UndoOptions, UndoResult } from './undo.js';

/**
 * Assembles, inspects and publishes multi-arch images. A client shares connections, tokens and what it has read between
 * its calls; close it when it is no longer needed.
 *
 * Images are named as on the command line (`app:1.2`, `oci:DIR:TAG`), or given as an object with a selector. Platforms,
 * digests and registry hosts are plain text. All calls throw {@link MultiarchErrors}, an `ArgumentError` for invalid
 * arguments, and leave drafts and tags unchanged when they throw. `signal` and `onEvent` of a call count in addition to
 * those of the client.
 */
export class Multiarch {
  readonly #context: ClientContext;

  /** @throws ArgumentError for a login whose registry is not a host, and for two logins for one registry */
  constructor(options: MultiarchOptions = {}) {
    this.#context = openContext(options);
  }

  /**
   * Creates a draft from sources, each an image, or an index that contributes all its images.
   * @throws ConflictError if the draft exists and `amend` is not set; NotFoundError for a missing source; SourcesError if
   *   several sources fail
   */
  create(
    name: ImageTarget,
    sources: readonly SourceInput[],
    options: CreateOptions = {},
  ): Promise<DraftState> {
    return this.#run(options, async (context) =>
      (await import('./create.js')).createDraftOf(context, name, sources, options),
    );
  }

  /**
   * {@link create} and {@link push} in one act, after which no draft is left; it needs no directory for drafts. If it fails,
   * a draft that existed before is unchanged.
   * @throws ConflictError if the draft exists and `amend` is not set, as {@link create}
   */
  createAndPush(
    name: ImageTarget,
    sources: readonly SourceInput[],
    options: CreateAndPushOptions = {},
  ): Promise<CreateAndPushResult> {
    return this.#run(options, async (context) =>
      (await import('./create-and-push.js')).createAndPush(context, name, sources, options),
    );
  }

  /** Returns what {@link createAndPush} would do. Nothing is written. */
  planCreateAndPush(
    name: ImageTarget,
    sources: readonly SourceInput[],
    options: CreateAndPushOptions = {},
  ): Promise<PushPlan> {
    return this.#run(options, async (context) =>
      (await import('./create-and-push.js')).planCreateAndPush(context, name, sources, options),
    );
  }

  /** {@link create} for several lists, of which all are created or none. Their names must differ. */
  createLists(lists: readonly ListInput[], options: CallOptions = {}): Promise<readonly DraftState[]> {
    return this.#run(options, async (context) =>
      (await import('./create-lists.js')).createLists(context, lists),
    );
  }

  /**
   * {@link createAndPush} for several lists: first the content of all, then all indexes by digest, then all tags, with those
   * named `latest` last. If one fails, no tag moves, and those that have moved are moved back. `amend` and `keepDraft` are
   * not supported, and `allowNondistributable` is that of the first list.
   * @returns one result for each list, in the same order
   */
  createAndPushLists(
    lists: readonly ListInput<CreateAndPushOptions>[],
    options: CallOptions = {},
  ): Promise<readonly CreateAndPushResult[]> {
    return this.#run(options, async (context) =>
      (await import('./create-lists.js')).createAndPushLists(context, lists),
    );
  }

  /** Returns what {@link createAndPushLists} would do. Nothing is written. */
  planLists(
    lists: readonly ListInput<CreateAndPushOptions>[],
    options: CallOptions = {},
  ): Promise<readonly PushPlan[]> {
    return this.#run(options, async (context) =>
      (await import('./create-lists.js')).planLists(context, lists),
    );
  }

  /**
   * Publishes a draft with everything that its target lacks. A tag that already has the digest is left unchanged.
   * @throws NotFoundError for a missing draft; ConflictError if the tag is not as expected
   */
  push(name: ImageTarget, options: PushOptions = {}): Promise<PushResult> {
    return this.#run(options, async (context) => {
      const { openDraftPush, pushSavedDraft } = await import('./push.js');
      return pushSavedDraft(context, await openDraftPush(context, name, options, 'push'));
    });
  }

  /** Returns what {@link push} would do. Nothing is written; registries receive GET and HEAD requests only. */
  planPush(name: ImageTarget, options: PushOptions = {}): Promise<PushPlan> {
    return this.#run(options, async (context) => {
      const { openDraftPush, planDraft } = await import('./push.js');
      return planDraft(context, await openDraftPush(context, name, options, 'pull'));
    });
  }

  /**
   * Copies an image or an index with everything that it points to; byte for byte unless something is left out. A tag that
   * already has the digest is left unchanged.
   * @param target if it has neither a tag nor a digest, its tag is `latest`, unless `tags` has a tag of its repository
   */
  copy(source: ImageSource, target: ImageTarget, options: CopyOptions = {}): Promise<CopyResult> {
    return this.#run(options, async (context) =>
      (await import('./copy.js')).copyContent(context, source, target, options),
    );
  }

  /** Returns what {@link copy} would do, without the referrers. Nothing is written. */
  planCopy(source: ImageSource, target: ImageTarget, options: CopyOptions = {}): Promise<PushPlan> {
    return this.#run(options, async (context) =>
      (await import('./copy.js')).planCopy(context, source, target, options),
    );
  }

  /**
   * Undoes the last push under this name that this machine has recorded: moves each tag back to its previous digest. The
   * draft need not exist any more.
   * @throws NotFoundError if no push is recorded; ConflictError if a tag has moved since
   */
  undo(name: ImageTarget, options: UndoOptions = {}): Promise<UndoResult> {
    return this.#run(options, async (context) =>
      (await import('./undo.js')).undoPush(context, draftLocation(context, name), options),
    );
  }

  /**
   * Changes what a draft says about one entry.
   * @param image a source, digest or platform of the draft
   * @throws NotFoundError for a missing draft or entry
   */
  annotate(
    name: ImageTarget,
    image: ImageSource,
    changes: EntryChanges,
    options: CallOptions = {},
  ): Promise<DraftState> {
    return this.#run(options, (context) =>
      editDraft(context, name, image, (draft) =>
        annotateEntry(draft, entrySelector(context, image), changes),
      ),
    );
  }

  /** Changes the annotations of the index itself, and those of its entries by platform. */
  annotateIndex(
    name: ImageTarget,
    changes: IndexChanges & { readonly entryAnnotations?: readonly EntryAnnotations[] | undefined },
    options: CallOptions = {},
  ): Promise<DraftState> {
    return this.#run(options, (context) =>
      editDraft(context, name, name, (draft) =>
        withEntryAnnotations(annotateIndex(draft, changes), changes.entryAnnotations),
      ),
    );
  }

  /**
   * Removes entries from a draft, each image together with its attestations. Either all are removed or none.
   * @param images sources, digests or platforms of the draft
   * @throws NotFoundError if one of them matches no entry
   */
  removeEntries(
    name: ImageTarget,
    images: readonly ImageSource[],
    options: CallOptions = {},
  ): Promise<DraftState> {
    return this.#run(options, (context) => {
      const selectors = images.map((image) => entrySelector(context, image));
      return editDraft(context, name, images[0] ?? name, (draft) => removeEntries(draft, selectors));
    });
  }

  /**
   * Opens the draft of this name or, if none exists, what is published under it. An object, and what `docker://REF`
   * names, is always opened itself.
   */
  inspect(name: ImageSource, options: InspectOptions = {}): Promise<Inspection> {
    return this.#run(options, async (context) =>
      (await import('./inspect.js')).inspectName(context, name, options),
    );
  }

  /**
   * Opens one image of a draft. Its registry is contacted only if the draft does not include the manifest. With `published`,
   * and for `docker://REF`, opens one image of the index that is published under the name.
   * @param image a source, digest or platform of the index
   */
  inspectEntry(name: ImageTarget, image: ImageSource, options: InspectOptions = {}): Promise<Inspection> {
    return this.#run(options, async (context) =>
      (await import('./inspect.js')).inspectEntryOf(context, name, image, options),
    );
  }

  /**
   * Returns the digest of the draft of this name or, if none exists, of what is published under it, as {@link inspect} finds
   * them. What is published is looked up without being read, unless a platform is given.
   * @throws NotFoundError
   */
  digest(name: ImageSource, options: DigestOptions = {}): Promise<DigestResult> {
    return this.#run(options, async (context) =>
      (await import('./digest.js')).findDigest(context, name, options),
    );
  }

  /**
   * Lists the tags of a repository, an image layout or an OCI archive, each once.
   * @param name without a tag or digest
   * @throws NotFoundError if it does not exist
   */
  tags(name: string, options: TagsOptions = {}): Promise<TagsResult> {
    return this.#run(options, async (context) =>
      (await import('./tags.js')).listTags(context, name, options),
    );
  }

  /**
   * Deletes a tag, and not its image, or by its digest an image with all its tags. The images of an index and all blobs stay
   * until the registry removes what nothing points to. Drafts are not touched.
   * @param name with a tag or a digest; with both, the tag is deleted if it has the digest
   * @throws NotFoundError if it does not exist; UnauthorizedError if the registry does not allow it; ConflictError if the tag
   *   has another digest
   */
  delete(name: ImageTarget, options: DeleteOptions = {}): Promise<DeleteResult> {
    return this.#run(options, async (context) =>
      (await import('./delete.js')).deleteImage(context, name, options),
    );
  }

  /**
   * Opens the source of an image, whatever its transport. It shares connections and credentials with this client, and can
   * be read until the client is closed.
   * @returns the source, and the tag or digest of the image in it
   */
  openSource(
    name: string,
    options: CallOptions = {},
  ): Promise<{ readonly source: Source; readonly selector: Selector }> {
    return this.#run(options, async (context) => {
      const location = locationOf(context, name);
      const source = await context.transports.open(location);
      return { source, selector: await context.transports.selector(location, { signal: context.signal }) };
    });
  }

  /**
   * Opens the target of an image: a repository of a registry, an image layout or an OCI archive. It shares connections and
   * credentials with this client, and can be used until the client is closed.
   * @returns the target, and the tag or digest of the image in it, by default `latest`
   * @throws ArgumentError if nothing can be published there
   */
  openTarget(
    name: string,
    options: CallOptions = {},
  ): Promise<{ readonly target: Target; readonly selector: Selector }> {
    return this.#run(options, async (context) => {
      const location = publishLocation(context, name);
      const { tag, digest } = nameIn(location);
      const target = await context.transports.openTarget(location, 'push');
      return { target, selector: digest ?? tag ?? parseTag('latest') };
    });
  }

  /**
   * Deletes drafts. All are tried before anything is thrown.
   * @returns their names in full
   * @throws NotFoundError that lists all missing drafts
   */
  deleteDrafts(names: readonly ImageTarget[], options: CallOptions = {}): Promise<readonly string[]> {
    return this.#run(options, (context) => deleteDrafts(context, names));
  }

  /** Deletes all drafts, damaged ones too. @returns their names in full; the path of one whose name is unknown */
  deleteAllDrafts(options: CallOptions = {}): Promise<readonly string[]> {
    return this.#run(options, ({ store, signal }) => store.removeAll({ signal }));
  }

  /** Lists all drafts, and the damaged files of the store. */
  listDrafts(options: CallOptions = {}): Promise<DraftList> {
    return this.#run(options, listDrafts);
  }

  /** Counts what is in the cache directory. @throws ArgumentError for a client without a cache; FailedError */
  inspectCache(options: CallOptions = {}): Promise<CacheUsage> {
    return this.#run(options, async ({ cache }) => (await import('./cache.js')).inspectCache(cache));
  }

  /**
   * Removes what the program keeps in the cache directory.
   * @returns what was removed
   * @throws ArgumentError for a client without a cache; FailedError
   */
  clearCache(options: CallOptions = {}): Promise<CacheUsage> {
    return this.#run(options, async ({ cache }) => (await import('./cache.js')).emptyCache(cache));
  }

  /**
   * Verifies a login at its registry, and saves it where docker does: with a credential helper, or in docker's
   * configuration.
   * @param host as in references, or a URL as for `docker login`
   * @throws UnauthorizedError if the registry rejects the login; nothing is saved then
   */
  login(host: string, login: LoginInput, options: CallOptions = {}): Promise<SavedLogin> {
    return this.#run(options, async (context) => (await import('./login.js')).logIn(context, host, login));
  }

  /**
   * Verifies at its registry the login that would be used for it. Saves nothing.
   * @param host as for {@link login}
   * @returns `undefined` if no login would be used
   * @throws UnauthorizedError if the registry rejects the login
   */
  verifyLogin(host: string, options: CallOptions = {}): Promise<VerifiedLogin | undefined> {
    return this.#run(options, async (context) => (await import('./login.js')).verifyLogin(context, host));
  }

  /** Removes the saved login of a registry. If none is saved, this is not an error. */
  logout(host: string, options: CallOptions = {}): Promise<LogoutResult> {
    return this.#run(options, async (context) => (await import('./login.js')).logOut(context, host));
  }

  /**
   * Returns which login is used for a registry and where it comes from; never the secret.
   * @param name `HOST` or `HOST/REPOSITORY`
   */
  showLogin(name: string, options: ShowLoginOptions = {}): Promise<ShownLogin> {
    return this.#run(options, async (context) =>
      (await import('./login.js')).showLogin(context, name, options.credential),
    );
  }

  /** Closes all connections and files, removes temporary files, and completes the cache. */
  close(): Promise<void> {
    return this.#context.transports.close();
  }

  /** Closes the client at the end of an `await using` block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #run<T>(options: CallOptions, call: (context: ClientContext) => Promise<T> | T): Promise<T> {
    return runCall(this.#context, options, call);
  }
}
