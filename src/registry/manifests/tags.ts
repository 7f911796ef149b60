import type { ListTagsOptions } from '../../content/source.js';
import { parseJson } from '../../http/error-text.js';
import type { HttpResponse } from '../../http/message.js';
import { MAX_MANIFEST_PULL } from '../../oci/document.js';
import { InvalidError } from '../../oci/errors.js';
import { isJsonObject, OTHER_SERVER_HINT } from '../../oci/json.js';
import { tagsUrl } from '../endpoints.js';
import { readRegistryError } from '../errors/error-mapping.js';
import { tagsOperation } from '../operation.js';
import type { RepositoryRequests } from '../requests.js';
import { nextPage } from './next-page.js';

/** The most tags that a page is asked for. Registries send fewer if they like, and most reject or ignore a larger number. */
const PAGE_TAGS = 1_000;

/**
 * Lists the tags of a repository in the order of the registry, each once (distribution-spec, "Listing Tags"). Requests no
 * more pages than the wanted number of tags needs.
 * @throws InvalidError for a response that is not a list, or a list without an end; the errors of `registryError`
 */
export async function listTags(
  requests: RepositoryRequests,
  { most = Infinity, signal }: ListTagsOptions = {},
): Promise<readonly string[]> {
  const operation = tagsOperation(requests.repository);
  const tags = new Set<string>();
  const pages = new Set<string>();
  let url: URL | undefined = tagsUrl(
    requests.repository,
    most === Infinity ? undefined : Math.min(most, PAGE_TAGS),
  );
  while (url !== undefined && tags.size < most) {
    if (pages.has(url.href)) throw new InvalidError(`${operation.name} have no end: a page follows itself`);
    pages.add(url.href);
    const response = await requests.send({
      method: 'GET',
      url,
      headers: { accept: 'application/json' },
      signal,
    });
    if (response.status !== 200) throw await readRegistryError(response, operation);
    for (const tag of await readPage(response, operation.name)) tags.add(tag);
    url = nextPage(response, url, 'tag list');
  }
  return [...tags].slice(0, most);
}

/** @throws InvalidError */
async function readPage(response: HttpResponse, name: string): Promise<readonly string[]> {
  const value = parseJson(Buffer.from(await response.bytes(MAX_MANIFEST_PULL)).toString('utf8'));
  const tags = isJsonObject(value) ? value['tags'] : undefined;
  // distribution sends null for a repository without tags.
  if (tags === null) return [];
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return tags;
  throw new InvalidError(`cannot read ${name}: ${response.url.host} returned no list of tags`, {
    hint: OTHER_SERVER_HINT,
  });
}
