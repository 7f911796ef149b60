import type { AssemblyImage } from '../assemble/assembly.js';
import type { ExplicitCredential } from '../auth/credentials/static-credential-provider.js';
import { annotateEntry, annotateIndex, type EntryChanges, type IndexChanges } from '../drafts/annotate.js';
import type { Draft } from '../drafts/draft.js';
import { removeEntries } from '../drafts/edits.js';
import type { DraftList } from '../drafts/store.js';
import { NotFoundError } from '../oci/errors.js';
import { isTargetLocation, type TargetLocation } from '../oci/image-location.js';
import { readTagStates, type TagStates } from '../publish/target-state.js';
import type { PushPlan } from '../publish/plan.js';
import {
  checkStart,
  composeDraft,
  saveDraft,
  stateOf,
  takeBack,
  withEntryAnnotations,
  type CreateOptions,
  type DraftState,
} from './create.js';
import { copyContent, planCopy, type CopyOptions, type CopyResult } from './copy.js';
import { Inspection } from './inspection.js';
import type { SavedLogin, LoginInput, LogoutResult, ShownLogin } from './login.js';
import type { Access } from '../registry/requests.js';
import {
  openDestinations,
  planDraft,
  publishDraft,
  type DraftPush,
  type PrefetchedState,
  type PushOptions,
  type PushResult,
} from './push.js';
import { ClientContext, type MultiarchOptions } from './client-context.js';
import { readAll, seenManifests, type ReadSource } from './sources.js';
import { startingPoint, type StartingPoint } from './starting-point.js';
import { undoPush, type UndoResult, type UndoOptions } from './undo.js';

interface Prepared extends Pick<DraftPush, 'target' | 'destinations'> {
  readonly read: readonly ReadSource[];
  readonly start: StartingPoint | undefined;
  readonly prefetched: PrefetchedState;
}

/**
 * Assembles, inspects and publishes multi-arch images. One object is one run: it shares connections, tokens and what it
 * has read between its calls. Names are written as on the command line: `app:1.2`, `docker://…`, `oci:DIR:TAG`.
 *
 * Everything throws the errors of `MultiarchError`, and leaves drafts and tags as they were when it does.
 */
export class Multiarch {
  readonly #run: ClientContext;

  constructor(options: MultiarchOptions = {}) {
    this.#run = new ClientContext(options);
  }

  /**
   * Makes a draft from sources, each an image or an index that gives all its images.
   * @throws ConflictError when there is a draft of this name and `amend` is not set
   */
  async create(
    name: string,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions = {},
  ): Promise<DraftState> {
    const target = this.#run.draftTarget(name);
    await checkStart(this.#run, target, options);
    const [start, read] = await this.#read(target, sources, options);
    return saveDraft(this.#run, target, read, options, start);
  }

  /** {@link create} and {@link push} in one run: what `create` saw in the target's repository is not asked for again. */
  async createAndPush(
    name: string,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions & PushOptions = {},
  ): Promise<DraftState & { readonly publication: PushResult }> {
    const { target, read, start, destinations, prefetched } = await this.#prepare(
      name,
      sources,
      options,
      'push',
    );
    const before = await this.#run.store.find(target);
    const state = await saveDraft(this.#run, target, read, options, start);
    try {
      const publication = await publishDraft(this.#run, {
        target,
        draft: state.draft,
        destinations,
        options,
        prefetched,
      });
      return { ...state, publication };
    } catch (error) {
      await takeBack(this.#run, target, state.draft, before);
      throw error;
    }
  }

  /** What {@link createAndPush} would do. No draft is made or changed, and nothing is written anywhere. */
  async planCreateAndPush(
    name: string,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions & PushOptions = {},
  ): Promise<PushPlan> {
    const { target, read, start, destinations, prefetched } = await this.#prepare(
      name,
      sources,
      options,
      'pull',
    );
    const current = await this.#run.store.find(target);
    const draft = composeDraft(target, current, read, options, start);
    return planDraft(this.#run, { target, draft, destinations, options, prefetched });
  }

  /** Publishes a draft with all that its target lacks. The same digest at the tag already is success. */
  async push(name: string, options: PushOptions = {}): Promise<PushResult> {
    return publishDraft(this.#run, await this.#open(name, options, 'push'));
  }

  /** What {@link push} would do. Nothing is written anywhere; registries are asked with GET and HEAD alone. */
  async planPush(name: string, options: PushOptions = {}): Promise<PushPlan> {
    return planDraft(this.#run, await this.#open(name, options, 'pull'));
  }

  /**
   * Copies an image or an index, from wherever one can be read, with all that it points to: byte for byte where nothing is
   * left out. The same digest at the tag already is success.
   * @param target without a tag or digest, the tag is `latest`
   */
  copy(source: string, target: string, options: CopyOptions = {}): Promise<CopyResult> {
    return copyContent(this.#run, source, target, options);
  }

  /** What {@link copy} would do, but for what refers to the images. Nothing is written anywhere. */
  planCopy(source: string, target: string, options: CopyOptions = {}): Promise<PushPlan> {
    return planCopy(this.#run, source, target, options);
  }

  /**
   * Takes back the last push of a list that this machine has recorded: each tag stands again for what it stood for
   * before. The draft need not be there any more.
   */
  undo(name: string, options: UndoOptions = {}): Promise<UndoResult> {
    return undoPush(this.#run, this.#run.draftTarget(name), options);
  }

  /**
   * Changes what a draft says of one entry, or of the index itself where no image is named.
   * @param image a source, digest or platform of the draft
   */
  async annotate(name: string, image: string, changes: EntryChanges): Promise<DraftState> {
    return this.#edit(name, image, (draft) => annotateEntry(draft, this.#run.selector(image), changes));
  }

  /** Changes the annotations of the index itself, and of its entries by their platforms. */
  async annotateIndex(
    name: string,
    changes: IndexChanges & Pick<CreateOptions, 'entryAnnotations'>,
  ): Promise<DraftState> {
    return this.#edit(name, name, (draft) =>
      withEntryAnnotations(annotateIndex(draft, changes), changes.entryAnnotations ?? []),
    );
  }

  /**
   * Takes entries out of a draft; an image goes with the statements about it. All or nothing.
   * @param images sources, digests or platforms of the draft
   * @throws NotFoundError where one of them stands for nothing
   */
  async removeEntries(name: string, images: readonly string[]): Promise<DraftState> {
    const selectors = images.map((image) => this.#run.selector(image));
    return this.#edit(name, images[0] ?? name, (draft) => removeEntries(draft, selectors));
  }

  /** Opens a draft, or what is published under this name where there is no draft. */
  async inspect(name: string): Promise<Inspection> {
    const { limit, transports: places, signal, store } = this.#run;
    // A place that can only be read has no drafts.
    const isTarget = isTargetLocation(this.#run.location(name));
    const draft = isTarget ? await store.find(this.#run.draftTarget(name)) : undefined;
    return draft === undefined
      ? this.inspectPublished(name)
      : Inspection.ofDraft(draft, places, { limit, signal });
  }

  /** Opens what is published under this name, whether there is a draft of it or not. */
  inspectPublished(name: string): Promise<Inspection> {
    const { limit, transports: places, signal } = this.#run;
    return Inspection.ofPublished(this.#run.location(name), places, { limit, signal });
  }

  /** Opens one image of a draft. The registry is asked only where the draft does not hold the manifest. */
  async inspectEntry(name: string, image: string): Promise<Inspection> {
    const { limit, transports: places, signal, store } = this.#run;
    const draft = await store.load(this.#run.draftTarget(name));
    return Inspection.ofEntry(draft, this.#run.selector(image), places, { limit, signal });
  }

  /** Deletes drafts. All are tried before anything is thrown. @throws NotFoundError that names all that are not there */
  async deleteDrafts(lists: readonly string[]): Promise<void> {
    const targets = lists.map((name) => this.#run.draftTarget(name));
    const missing: NotFoundError[] = [];
    const failures: unknown[] = [];
    for (const target of targets) {
      await this.#run.store.remove(target, { signal: this.#run.signal }).catch((error: unknown) => {
        if (error instanceof NotFoundError) missing.push(error);
        else failures.push(error);
      });
    }
    if (failures.length > 0) throw failures[0];
    const [first] = missing;
    if (first === undefined) return;
    const message = missing.map((error) => error.message).join('\n');
    throw missing.length === 1 ? first : new NotFoundError(message, { hint: first.hint });
  }

  /** Deletes all drafts, damaged ones too. */
  deleteAllDrafts(): Promise<void> {
    return this.#run.store.removeAll({ signal: this.#run.signal });
  }

  /** All drafts, and the files of the store that are damaged. */
  listDrafts(): Promise<DraftList> {
    return this.#run.store.list();
  }

  /**
   * Tries a login at its registry, and keeps it where docker does: with a credential helper, or in docker's configuration.
   * @param host as a reference names it, or the URL that docker takes
   * @throws UnauthorizedError where the registry refuses it; nothing is kept then
   */
  async login(host: string, login: LoginInput): Promise<SavedLogin> {
    return (await import('./login.js')).logIn(this.#run, host, login);
  }

  /** Forgets the login for a registry. That there is none is no error. */
  async logout(host: string): Promise<LogoutResult> {
    return (await import('./login.js')).logOut(this.#run, host);
  }

  /**
   * Which login a registry is asked with, and where it is from; never the secret.
   * @param name `HOST` or `HOST/REPOSITORY`
   * @param given a login for that registry, which goes before all others. Default: the one that the run was given, if any
   */
  async showLogin(name: string, given?: ExplicitCredential['credential']): Promise<ShownLogin> {
    return (await import('./login.js')).showLogin(this.#run, name, given);
  }

  /** Closes all connections. */
  close(): void {
    this.#run.transports.close();
  }

  /** A draft with the places that it is published to. */
  async #open(name: string, options: PushOptions, access: Access): Promise<DraftPush> {
    const target = this.#run.draftTarget(name);
    const draft = await this.#run.store.load(target);
    const tags = [...(draft.tags ?? []), ...(options.tags ?? [])];
    const destinations = await openDestinations(this.#run, target, tags, access);
    return { target, draft, destinations, options };
  }

  /** All that is read for a draft that is published at once, targets and sources side by side. */
  async #prepare(
    name: string,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions & PushOptions,
    access: Access,
  ): Promise<Prepared> {
    const target = this.#run.draftTarget(name);
    const current = await checkStart(this.#run, target, options);
    // Opened before anything is read, so that the first token allows all that follows.
    const tags = [...(current?.tags ?? []), ...(options.draftTags ?? []), ...(options.tags ?? [])];
    const destinations = await openDestinations(this.#run, target, tags, access);
    const observe = (): Promise<TagStates> =>
      readTagStates(destinations, { limit: this.#run.limit, signal: this.#run.signal });
    // While sources are waited for, others may move the tags.
    const early = options.wait === undefined ? observe() : undefined;
    early?.catch(() => {});
    const [start, read] = await this.#read(target, sources, options);
    const tagStates = early ?? observe();
    // Awaited when the draft is saved: what fails before that must not leave this one unheard.
    tagStates.catch(() => {});
    const prefetched = { presentDigests: seenManifests(read), tagStates };
    return { target, destinations, read, start, prefetched };
  }

  #read(
    target: TargetLocation,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions,
  ): Promise<[StartingPoint | undefined, ReadSource[]]> {
    const { from, annotationsFromLabels: configs } = options;
    return Promise.all([
      from === undefined ? undefined : startingPoint(this.#run, from, target),
      readAll(this.#run, target, sources, { ...options, configs }),
    ]);
  }

  async #edit(name: string, image: string, edit: (draft: Draft) => Draft): Promise<DraftState> {
    const target = this.#run.draftTarget(name);
    const draft = await this.#run.store.update(
      target,
      (current) => {
        if (current === undefined) throw notInDraft(image, name);
        return edit(current);
      },
      { signal: this.#run.signal },
    );
    return stateOf(draft);
  }
}

function notInDraft(image: string, name: string): NotFoundError {
  return new NotFoundError(`manifest for image ${image} does not exist in ${name}`, {
    hint: `There is no draft ${name}: make it with multiarch create. multiarch ls lists those that there are.`,
  });
}
