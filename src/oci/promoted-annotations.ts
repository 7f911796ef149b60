import type { Annotations } from './descriptor.js';

/** The labels of an image, from its config. */
export type Labels = Readonly<Record<string, string>>;

const OCI = 'org.opencontainers.image.';
const LABEL_SCHEMA = 'org.label-schema.';

/**
 * The pre-defined keys that can apply to an index, in the specification's order, each with the Label Schema name that
 * it replaces (image-spec, "Pre-Defined Annotation Keys" and "Back-compatibility with Label Schema").
 *
 * Not included: `base.digest`, which is about layers, and `ref.name`, `referrer.subject` and `referrer.convert`, which
 * have a meaning only in an image layout's index.json.
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
 * Returns the index annotations that follow from the labels of its images: the labels that all images have with the
 * same value. A Label Schema label counts under its OCI name if the image lacks the OCI label. An empty label is
 * ignored; a Dockerfile uses it to unset a label of its base image.
 *
 * @param labelSets the labels of each image, `undefined` for an image without labels
 */
export function promotedAnnotations(labelSets: readonly (Labels | undefined)[]): Annotations {
  const [first, ...others] = labelSets;
  if (first === undefined) return {};
  return Object.fromEntries(
    PROMOTED.flatMap(([name, labelSchema]) => {
      const value = labelValue(first, name, labelSchema);
      const isShared = others.every(
        (labels) => labels !== undefined && labelValue(labels, name, labelSchema) === value,
      );
      return value !== undefined && value !== '' && isShared ? [[OCI + name, value]] : [];
    }),
  );
}

function labelValue(labels: Labels, name: string, labelSchema: string | undefined): string | undefined {
  const own = labels[OCI + name];
  if (own !== undefined || labelSchema === undefined) return own;
  const old = labels[LABEL_SCHEMA + labelSchema];
  // Label Schema's usage can also be a path in the image; `documentation` is always a URL.
  return labelSchema === 'usage' && !/^https?:\/\//i.test(old ?? '') ? undefined : old;
}
