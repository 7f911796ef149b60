/**
 * For every connection: node allows each address of a host 250 ms and then gives it up for good, which fails for
 * registries on another continent.
 */
export const addressAttempts = { autoSelectFamilyAttemptTimeout: 1000 } as const;
