/** The number of findings of one kind that are listed. */
const MAX_ALIKE = 10;

/**
 * Returns a line for each finding. Of more than ten of one kind, the others are counted in one line: a document can have tens of
 * thousands.
 */
export function listFindings<T>(
  findings: readonly T[],
  kindOf: (finding: T) => string,
  lineOf: (finding: T) => string,
): string[] {
  const counts = new Map<string, number>();
  for (const kind of findings.map(kindOf)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const listed = new Map<string, number>();
  return findings.flatMap((finding) => {
    const kind = kindOf(finding);
    const number = (listed.get(kind) ?? 0) + 1;
    listed.set(kind, number);
    if (number <= MAX_ALIKE) return [lineOf(finding)];
    const more = (counts.get(kind) ?? 0) - MAX_ALIKE;
    return number === MAX_ALIKE + 1 ? [`… and ${more} more [${kind}]`] : [];
  });
}
