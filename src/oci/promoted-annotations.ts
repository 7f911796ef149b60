import type { Annotations } from './descriptor.js';

/** The labels of one image, from its config. */
export type Labels = Readonly<Record<string, string>>;

const OCI = 'org.opencontainers.image.';
const LABEL_SCHEMA = 'org.label-schema.';

/**
 * The pre-defined keys that say something of all images of a list at once, in the specification's order, each with the
 * Label Schema name that it took the place of (image-spec, "Pre-Defined Annotation Keys" and "Back-compatibility with
 * Label Schema").
 *
 * Left out are `base.digest`, which speaks of the layers that one image shares with another while a list has none, and
 * `ref.name`, `referrer.subject` and `referrer.convert`, which mean something in an image layout's index.json only.
 */
const PROMOTED: readonly (readonly [name: string, labelSchema?: string])[] = [
  ['created', 'build-date'],
  ['authors'],
  ['url', 'url'],
  ['documentation', 'usage'],
  ['source', 'vcs-url'],
  ['version', 'version'],
  ['revision', 'vcs-ref'],
  ['vendor', 'vendor'],
  ['licenses'],
  ['title', 'name'],
  ['description', 'description'],
  ['base.name'],
];

/**
 * The annotations of an index that follow from the labels of its images: those that every image has, with the same
 * value. An image's Label Schema labels count under their OCI names where it does not have the OCI label itself.
 * An empty label says nothing; it is how a Dockerfile takes back what its base image says.
 *
 * @param labelSets one for each image, `undefined` for an image without labels
 */
export function promotedAnnotations(labelSets: readonly (Labels | undefined)[]): Annotations {
  const [first, ...others] = labelSets;
  if (first === undefined) return {};
  return Object.fromEntries(
    PROMOTED.flatMap(([name, labelSchema]) => {
      const value = labelled(first, name, labelSchema);
      const isShared = others.every(
        (labels) => labels !== undefined && labelled(labels, name, labelSchema) === value,
      );
      return value !== undefined && value !== '' && isShared ? [[OCI + name, value]] : [];
    }),
  );
}

function labelled(labels: Labels, name: string, labelSchema: string | undefined): string | undefined {
  const own = labels[OCI + name];
  if (own !== undefined || labelSchema === undefined) return own;
  const old = labels[LABEL_SCHEMA + labelSchema];
  // Label Schema's usage may also be a path within the image; only a URL is what `documentation` holds.
  return labelSchema === 'usage' && !/^https?:\/\//i.test(old ?? '') ? undefined : old;
}
