import { createColors } from 'picocolors';

import type { Inspection } from '../../client/inspection.js';
import { isAttestation } from '../../oci/attestation.js';
import type { Descriptor } from '../../oci/descriptor.js';
import type { IndexDiff } from '../../oci/diff-index.js';
import { VERSION } from '../../version.js';
import { attestedImages, entryType, nameCell, platformCell } from './cells.js';
import { diffRows } from './diff-table.js';
import { DetailReader, type Details } from './entry-details.js';
import { counted, formatBytes } from './format.js';
import { PAGE_STYLE } from './html-style.js';
import { markup, htmlPage, type Html } from './html-text.js';
import { ageCell, creationTime, imageFacts, imageSize, predicates, referrerCounts } from './image-facts.js';
import { detailsTree } from './inspect-tree.js';
import type { TreeNode, TreePart } from './tree-lines.js';

/** The differences to show, and the names of both sides. */
export interface ShownDiff {
  readonly diff: IndexDiff;
  readonly before: string;
}

/** The digits of a digest that a page shows where the whole digest is elsewhere on it. */
const SHORT = 19;

/**
 * Formats an index or image as one page that needs nothing else: facts, platforms, bars of layer sizes, layers side by side, the tree,
 * annotations and, if given, what changed. What cannot be read is missing, with a warning.
 */
export async function inspectHtml(
  inspection: Inspection,
  isEntry: boolean,
  { warn, changes }: { readonly warn: (message: string) => void; readonly changes?: ShownDiff | undefined },
): Promise<string> {
  const reader = new DetailReader({ configs: true, warn, onUnreadable: warn });
  const [own, entries] = await Promise.all([reader.details(inspection), reader.entries(inspection)]);
  const name = nameCell(inspection, isEntry);
  const images =
    inspection.document.kind === 'index' ? entries.filter(isImage) : [await withPlatform(inspection, own)];
  const sections = [
    ['platforms', 'Platforms', platformTable(images, entries)],
    ['sizes', 'Layer sizes', sizeBars(images)],
    ['layers', 'Layers side by side', layerCards(images)],
    ...(changes === undefined ? [] : [['changes', 'Changes', changeTable(changes)] as const]),
    ['content', 'Content', treeNode(await detailsTree(inspection, isEntry, own, entries), 'root')],
    ['annotations', 'Annotations', annotationTable(inspection)],
  ] as const;
  const shown = sections.filter(([, , content]) => content !== undefined);
  const body = markup`<header>
      <h1>${name}</h1>
      <p class="soft">${summaryText(inspection, images, own)}</p>
      <dl>
        ${facts(inspection, own, entries).map(
          ([label, value]) =>
            markup`<dt>${label}</dt>
              <dd>${value}</dd>`,
        )}
      </dl>
      <nav aria-label="Sections">${shown.map(([id, title]) => markup`<a href="#${id}">${title}</a> `)}</nav>
    </header>
    <main>
      ${shown.map(
        ([id, title, content]) =>
          markup`<section id="${id}" aria-labelledby="${id}-title">
            <h2 id="${id}-title">${title}</h2>
            ${content ?? ''}
          </section> `,
      )}
    </main>
    <footer>multiarch ${VERSION}. Sizes are those of the compressed content, in powers of 1000.</footer>`;
  return htmlPage({ title: name, style: PAGE_STYLE, body });
}

/** The platform of an image that is in no index is that of its config. */
async function withPlatform(inspection: Inspection, own: Details): Promise<Details> {
  const platform = await inspection.platform();
  return { ...own, descriptor: { ...own.descriptor, ...(platform !== undefined && { platform }) } };
}

function isImage({ descriptor }: Details): boolean {
  return !isAttestation(descriptor);
}

function layersOf({ document }: Details): readonly Descriptor[] {
  return document?.kind === 'manifest' ? document.value.layers : [];
}

function summaryText({ document }: Inspection, images: readonly Details[], own: Details): string {
  const layers = images.flatMap(layersOf);
  const distinct = new Map(layers.map((layer) => [layer.digest, layer.size]));
  const total = [...distinct.values()].reduce((sum, size) => sum + size, 0);
  const what = document.kind === 'index' ? `Index of ${counted(images.length, 'image')}` : 'Image';
  return [
    what,
    `${counted(distinct.size, 'distinct layer')}, ${formatBytes(total)}`,
    ...referrerCounts(own.referrers),
  ].join(' · ');
}

function facts(
  { document }: Inspection,
  own: Details,
  entries: readonly Details[],
): [string, Html | string][] {
  return [
    ['Digest', markup`<code>${document.digest}</code>`],
    ['Media type', markup`<code>${document.mediaType}</code>`],
    ...(document.value.artifactType === undefined
      ? []
      : [['Artifact type', markup`<code>${document.value.artifactType}</code>`] as [string, Html]]),
    ...imageFacts(own, entries).map(({ label, text }): [string, string] => [label.replace(/:$/, ''), text]),
  ];
}

function platformTable(images: readonly Details[], entries: readonly Details[]): Html | undefined {
  if (images.length === 0) return undefined;
  const imageOf = attestedImages(entries);
  const attestations = new Map<Details, string[]>();
  for (const entry of entries) {
    const image = imageOf(entry.descriptor);
    if (image === undefined) continue;
    const stated = predicates(entry);
    attestations.set(image, [
      ...(attestations.get(image) ?? []),
      ...(stated.length === 0 ? ['attestation'] : stated),
    ]);
  }
  const rows = images.map((image) => {
    const size = imageSize(image);
    const marks = [...(attestations.get(image) ?? []), ...referrerCounts(image.referrers)];
    const type = entryType(image.descriptor);
    return markup`<tr>
      <th scope="row">${platformCell(image.descriptor.platform)}</th>
      <td class="number">${size === undefined ? '-' : formatBytes(size)}</td>
      <td class="number">${image.document?.kind === 'manifest' ? layersOf(image).length : '-'}</td>
      <td class="nowrap">${ageCell(creationTime(image), undefined)}</td>
      <td>
        ${image.isMissing ? markup`<strong class="gone">missing</strong> ` : ''}${type === 'image' ? '' : markup`${type} `}${marks.map((mark) => markup`<span class="badge">${mark}</span> `)}
      </td>
      <td><code>${image.descriptor.digest}</code></td>
    </tr> `;
  });
  const columns = ['Platform', { number: 'Size' }, { number: 'Layers' }, 'Created', 'Attached', 'Digest'];
  return scrollTable({ label: 'Platforms', name: 'platforms', columns }, rows);
}

/** The number of images that have each layer. */
function shares(images: readonly Details[]): (layer: Descriptor) => number {
  const counts = new Map<string, number>();
  for (const image of images) {
    for (const digest of new Set(layersOf(image).map((layer) => layer.digest)))
      counts.set(digest, (counts.get(digest) ?? 0) + 1);
  }
  return ({ digest }) => counts.get(digest) ?? 0;
}

/** The units of a bar. */
const BAR = { width: 1000, height: 20 };
/** The lines that mark shared layers without colour. */
const HATCH_STEP = 10;

function sizeBars(images: readonly Details[]): Html | undefined {
  const largest = Math.max(
    0,
    ...images.map((image) => layersOf(image).reduce((sum, { size }) => sum + size, 0)),
  );
  if (largest === 0) return undefined;
  const sharesOf = shares(images);
  const bars = images.map((image) => {
    let x = 0;
    const parts = layersOf(image).map((layer, index) => {
      const width = (layer.size / largest) * BAR.width;
      const left = x;
      x += width;
      const shared = sharesOf(layer);
      const isShared = shared > 1;
      const kind = isShared ? 'shared-layer' : index % 2 === 0 ? 'own-a' : 'own-b';
      const title = `${formatBytes(layer.size)}, ${layer.digest}${isShared ? `, in ${shared} images` : ''}`;
      return markup`<g
        ><title>${title}</title
        ><rect
          x="${left.toFixed(2)}"
          y="0"
          width="${width.toFixed(2)}"
          height="${BAR.height}"
          class="${kind}"
        />${isShared ? hatch(left, width) : ''}</g
      >`;
    });
    const name = platformCell(image.descriptor.platform);
    const size = layersOf(image).reduce((sum, layer) => sum + layer.size, 0);
    const label = `${name}: ${counted(parts.length, 'layer')}, ${formatBytes(size)}`;
    return markup`<div class="bar"><span>${name}</span><svg
        role="img"
        aria-label="${label}"
        viewBox="0 0 ${BAR.width} ${BAR.height}"
        preserveAspectRatio="none"
      >
        ${parts}</svg
      ><span>${formatBytes(size)}</span></div> `;
  });
  return markup`${bars}
    <p class="legend">
      ${legendKey('own-a', 'layers of one image')}${legendKey('shared-layer', 'layers that several images share')}
    </p>`;
}

/** A colour of the bars and its meaning. */
function legendKey(kind: string, text: string): Html {
  return markup`<span
      ><svg viewBox="0 0 10 10" aria-hidden="true"><rect width="10" height="10" class="${kind}" /></svg
      >${text}</span
    >`;
}

function hatch(left: number, width: number): readonly Html[] {
  const count = Math.min(100, Math.floor(width / HATCH_STEP));
  return Array.from({ length: count }, (_, index) => {
    const x = left + index * HATCH_STEP;
    return markup`<line
      class="hatch"
      x1="${x.toFixed(2)}"
      y1="${BAR.height}"
      x2="${(x + HATCH_STEP).toFixed(2)}"
      y2="0"
    />`;
  });
}

function layerCards(images: readonly Details[]): Html | undefined {
  const sharesOf = shares(images);
  const shown = images.filter((image) => layersOf(image).length > 0);
  if (shown.length === 0) return undefined;
  const cards = shown.map((image) => {
    const layers = layersOf(image).map((layer) => {
      const shared = sharesOf(layer);
      const mark = shared > 1 ? markup` <span class="badge shared">in ${shared} images</span>` : '';
      return markup`<li>
        <span>${formatBytes(layer.size)}</span
        ><span><code title="${layer.digest}">${shortened(layer.digest)}</code>${mark}</span>
      </li> `;
    });
    return markup`<article class="card">
      <h3>${platformCell(image.descriptor.platform)}</h3>
      <ol>
        ${layers}
      </ol>
    </article> `;
  });
  return markup`<div class="cards">${cards}</div>`;
}

function shortened(digest: string): string {
  return digest.length > SHORT ? `${digest.slice(0, SHORT)}…` : digest;
}

function changeTable({ diff, before }: ShownDiff): Html {
  const intro = markup`<p>
    Against
    <strong>${before}</strong>${diff.before === undefined ? '' : markup` <code>${diff.before.digest}</code>`}
  </p>`;
  const rows = diffRows(diff, createColors(false));
  if (rows.length === 0)
    return markup`${intro}
      <p>Both have the same content.</p>`;
  const lines = rows.map(([change, entry, field, value]) => {
    const sign = value.text.startsWith('- ') ? 'gone' : value.text.startsWith('+ ') ? 'new' : '';
    const first = change.text === '' ? '' : markup` class="first"`;
    return markup`<tr${first}>
      <td class="nowrap">${change.text}</td>
      <td class="nowrap">${entry.text}</td>
      <td>${field.text}</td>
      <td><code class="${sign}">${value.text}</code></td>
    </tr> `;
  });
  return markup`${intro}
    ${scrollTable({ label: 'Changes', name: 'changes', columns: ['Change', 'Entry', 'Field', 'Value'] }, lines)}`;
}

/** A node with a summary that opens by click or by key, or a line. */
function treeNode({ kind, parts, children }: TreeNode, depth: 'root' | 'inner'): Html {
  const label = parts.map(partHtml);
  if (children.length === 0) return markup`<div class="leaf">${label}</div>`;
  const open = kind === 'root' ? markup` open` : '';
  return markup`<details class="${depth}" ${open}>
    <summary>${label}</summary>
    ${children.map((child) => treeNode(child, 'inner'))}
  </details> `;
}

function partHtml({ text, style }: TreePart): Html {
  if (style === 'digest') return markup`<code class="soft">${text}</code>`;
  if (style === 'missing') return markup`<strong class="gone">${text}</strong>`;
  return style === 'name' || style === 'platform'
    ? markup`<strong>${text}</strong>`
    : markup`<span>${text}</span>`;
}

function annotationTable({ document }: Inspection): Html | undefined {
  const pairs = Object.entries(document.value.annotations ?? {});
  if (pairs.length === 0) return undefined;
  const rows = pairs.map(
    ([key, value]) =>
      markup`<tr>
        <td><code>${key}</code></td>
        <td>${value}</td>
      </tr> `,
  );
  return scrollTable({ label: 'Annotations' }, rows);
}

/** A column of numbers. */
interface NumberColumn {
  readonly number: string;
}

/** A table in a region that scrolls by itself where it is too wide. */
function scrollTable(
  {
    label,
    name,
    columns = [],
  }: {
    readonly label: string;
    /** Its class. */
    readonly name?: string;
    /** The titles of its columns. @default no head */
    readonly columns?: readonly (string | NumberColumn)[];
  },
  rows: readonly Html[],
): Html {
  const titles = columns.map((column) =>
    typeof column === 'string'
      ? markup`<th scope="col">${column}</th> `
      : markup`<th scope="col" class="number">${column.number}</th> `,
  );
  const head =
    titles.length === 0
      ? ''
      : markup`<thead>
        <tr>
          ${titles}
        </tr>
      </thead>`;
  return markup`<div class="scroll" role="region" aria-label="${label}" tabindex="0">
    <table${name === undefined ? '' : markup` class="${name}"`}>
      ${head}
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;
}
