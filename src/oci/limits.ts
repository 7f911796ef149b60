/** The largest manifest or index that registries take in (distribution and Amazon ECR), in bytes. */
export const MAX_MANIFEST_PUSH = 4 * 1024 * 1024;

/** The largest manifest or index that is read, in bytes: some registries hold more than they would take in. */
export const MAX_MANIFEST_PULL = 8 * 1024 * 1024;

/** How many image indexes may be within one another: nothing real goes deeper. */
export const MAX_NESTED_INDEXES = 4;
