import type { AssemblyImage } from '../assemble/assembly.js';
import { annotateEntry, annotateIndex, type EntryChanges, type IndexChanges } from '../drafts/annotate.js';
import { draftProblems } from '../drafts/draft-problems.js';
import type { Draft } from '../drafts/draft.js';
import type { DraftList } from '../drafts/store.js';
import { NotFoundError } from '../oci/errors.js';
import type { ImageLocation } from '../oci/image-location.js';
import { observeTags } from '../publish/plan.js';
import type { Publication } from '../publish/publish.js';
import { checkStart, saveDraft, takeBack, type CreateOptions, type DraftState } from './create.js';
import { Inspection } from './inspection.js';
import { openDestinations, publishDraft, type PushOptions } from './push.js';
import { Run, type MultiarchOptions } from './run.js';
import { readAll, seenManifests, type ReadSource } from './sources.js';
import { startingPoint, type StartingPoint } from './starting-point.js';

/**
 * Assembles, inspects and publishes multi-arch images. One object is one run: it shares connections, tokens and what it
 * has read between its calls. Names are written as on the command line: `app:1.2`, `docker://…`, `oci:DIR:TAG`.
 *
 * Everything throws the errors of `MultiarchError`, and leaves drafts and tags as they were when it does.
 */
export class Multiarch {
  readonly #run: Run;

  constructor(options: MultiarchOptions = {}) {
    this.#run = new Run(options);
  }

  /**
   * Makes a draft from sources, each an image or an index that gives all its images.
   * @throws ConflictError when there is a draft of this name and `amend` is not set
   */
  async create(
    list: string,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions = {},
  ): Promise<DraftState> {
    const target = this.#run.draftTarget(list);
    await checkStart(this.#run, target, options);
    const [start, read] = await this.#read(target, sources, options);
    return saveDraft(this.#run, target, read, options, start);
  }

  /** {@link create} and {@link push} in one run: what `create` saw in the target's repository is not asked for again. */
  async createAndPush(
    list: string,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions & PushOptions = {},
  ): Promise<DraftState & { readonly publication: Publication }> {
    const target = this.#run.draftTarget(list);
    await checkStart(this.#run, target, options);
    // Opened for pushing before anything is read, so that the first token allows both.
    const destinations = await openDestinations(this.#run, target, options.tags);
    const tagStates = observeTags(destinations, { limit: this.#run.limit, signal: this.#run.signal });
    // Awaited when the sources have been read; their failure must not leave this one unheard.
    tagStates.catch(() => {});
    const [start, read] = await this.#read(target, sources, options);
    const before = await this.#run.store.find(target);
    const state = await saveDraft(this.#run, target, read, options, start);
    try {
      const known = { seen: seenManifests(read), tagStates };
      const publication = await publishDraft(this.#run, target, state.draft, destinations, options, known);
      return { ...state, publication };
    } catch (error) {
      await takeBack(this.#run, target, state.draft, before);
      throw error;
    }
  }

  /** Publishes a draft with all that its target lacks. The same digest at the tag already is success. */
  async push(list: string, options: PushOptions = {}): Promise<Publication> {
    const target = this.#run.draftTarget(list);
    const draft = await this.#run.store.load(target);
    const destinations = await openDestinations(this.#run, target, options.tags);
    return publishDraft(this.#run, target, draft, destinations, options);
  }

  /**
   * Changes what a draft says of one entry, or of the index itself where no image is named.
   * @param image a source, digest or platform of the draft
   */
  async annotate(list: string, image: string, changes: EntryChanges): Promise<DraftState> {
    return this.#edit(list, image, (draft) => annotateEntry(draft, this.#run.selector(image), changes));
  }

  /** Changes the annotations of the index itself. */
  async annotateIndex(list: string, changes: IndexChanges): Promise<DraftState> {
    return this.#edit(list, list, (draft) => annotateIndex(draft, changes));
  }

  /** Opens a draft, or what is published under this name where there is no draft. */
  async inspect(name: string): Promise<Inspection> {
    const location = this.#run.location(name);
    const draft = await this.#run.store.find(this.#run.draftTarget(name));
    const options = { signal: this.#run.signal };
    return draft === undefined
      ? Inspection.ofPublished(location, this.#run.places, options)
      : Inspection.ofDraft(draft, this.#run.places, options);
  }

  /** Opens one image of a draft. The registry is asked only where the draft does not hold the manifest. */
  async inspectEntry(list: string, image: string): Promise<Inspection> {
    const draft = await this.#run.store.load(this.#run.draftTarget(list));
    return Inspection.ofEntry(draft, this.#run.selector(image), this.#run.places, {
      signal: this.#run.signal,
    });
  }

  /** Removes drafts. All are tried before anything is thrown. @throws NotFoundError that names all that are not there */
  async remove(lists: readonly string[]): Promise<void> {
    const targets = lists.map((list) => this.#run.draftTarget(list));
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

  /** Removes all drafts, damaged ones too. */
  removeAll(): Promise<void> {
    return this.#run.store.removeAll({ signal: this.#run.signal });
  }

  /** All drafts, and the files of the store that are damaged. */
  list(): Promise<DraftList> {
    return this.#run.store.list();
  }

  /** Closes all connections. */
  close(): void {
    this.#run.places.close();
  }

  #read(
    target: ImageLocation,
    sources: readonly (string | AssemblyImage)[],
    options: CreateOptions,
  ): Promise<[StartingPoint | undefined, ReadSource[]]> {
    const { from, annotationsFromLabels: configs } = options;
    return Promise.all([
      from === undefined ? undefined : startingPoint(this.#run, from, target),
      readAll(this.#run, target, sources, { ...options, configs }),
    ]);
  }

  async #edit(list: string, image: string, edit: (draft: Draft) => Draft): Promise<DraftState> {
    const target = this.#run.draftTarget(list);
    const draft = await this.#run.store.update(
      target,
      (current) => {
        if (current === undefined) throw notInDraft(image, list);
        return edit(current);
      },
      { signal: this.#run.signal },
    );
    return { draft, problems: draftProblems(draft) };
  }
}

function notInDraft(image: string, list: string): NotFoundError {
  return new NotFoundError(`manifest for image ${image} does not exist in ${list}`, {
    hint: `There is no draft ${list}: make it with multiarch create. multiarch ls lists those that there are.`,
  });
}
